"""Quotes: comparing freight prices across accounts."""
