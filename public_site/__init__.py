"""The door of everybody: signs of life for operations, and the legal pages."""
