"""Quotes: freight prices of several accounts side by side."""
