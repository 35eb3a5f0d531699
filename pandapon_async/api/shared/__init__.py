"""What both generations and both vendors share."""
