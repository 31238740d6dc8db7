"""What goes in and out over HTTP, one file per routes file; these never leave the door."""
