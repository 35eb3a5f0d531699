"""What a booking costs, beside bare aiohttp. ``python -m benchmarks`` runs it; README.md has the last figures."""
