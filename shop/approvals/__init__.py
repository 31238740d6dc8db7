"""Approvals: what one operator asks for and another decides, carried out once or not at all."""
