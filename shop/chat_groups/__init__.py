"""Chat groups of leaders: how a message gets into one, and which of them somebody came from."""
