"""Payments and refunds at the platforms, and the notices that tell of them."""
