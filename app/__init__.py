"""The roof: assembles every room, and is imported by none."""
