"""Invites made visible: codes of the platforms, links into the mini-program, posters."""
