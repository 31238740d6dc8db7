"""Products and the SKUs in which they are sold."""
