"""Models, their fields and checks, and their JSON."""
