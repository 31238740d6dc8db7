"""The operators' console: pages over the same services as every other door."""
