"""A journal in a PostgreSQL database, for several desks and workers at once."""
