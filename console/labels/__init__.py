"""What people call each status, kind, finding and action, by the room it is of."""
