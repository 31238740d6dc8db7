"""Typed settings of the whole system, read by the roof alone."""
