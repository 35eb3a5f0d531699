"""Who books. Each is an async context manager ``contestant(setting)`` that gives ``book(number)``.

Each module imports only what its contestant needs, since cold starts are measured too.
"""
