"""Worker pools over a source of items, in constant memory."""
