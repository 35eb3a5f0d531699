"""The journal: what was meant to be booked, what was sent, and how it ended."""
