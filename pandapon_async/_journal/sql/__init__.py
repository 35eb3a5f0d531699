"""What the stores in SQL databases share: how rows are taken in, moved, read and forgotten."""
