"""One call: permit, attempts, retries, outcome."""
