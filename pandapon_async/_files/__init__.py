"""Spreadsheets and JSON lines in and out."""
