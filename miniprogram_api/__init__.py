"""The door of the mini-program: the members' interface under /v1, and platforms' notices."""
