"""Forms of the console: what was typed, read with a message at each field that makes no sense."""
