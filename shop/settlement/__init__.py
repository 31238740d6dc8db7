"""Reconciliation of the platforms' bills with our payments and the ledger."""
