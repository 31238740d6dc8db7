"""An evening in the community over HTTP: simulated members, made trouble, and a report."""
