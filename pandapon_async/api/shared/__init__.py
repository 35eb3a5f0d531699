"""Models shared by both generations and both vendors."""
