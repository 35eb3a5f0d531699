"""Reading and writing spreadsheets and JSON lines."""
