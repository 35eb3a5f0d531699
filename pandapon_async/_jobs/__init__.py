"""Booking jobs over a journal."""
