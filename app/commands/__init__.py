"""Commands of `flask …`, one group per file."""
