"""Who brought whom, and what approved leaders earn by it: one level, never two."""
