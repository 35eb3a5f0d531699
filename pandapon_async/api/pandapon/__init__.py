"""PandaPon, first generation."""
