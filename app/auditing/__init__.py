"""The auditor: invariants of the whole shop, checked from outside the code that keeps them."""
