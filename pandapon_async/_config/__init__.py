"""What a session needs to know of an account: profiles, keys, settings."""
