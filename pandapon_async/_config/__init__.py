"""The configuration of accounts: profiles, keys, settings."""
