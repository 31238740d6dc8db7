"""The money ledger: accounts and insert-only transfers in fen."""
