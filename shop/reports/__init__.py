"""Figures of each business day, summed from the ledger, and the reports made of them."""
