"""The one order lifecycle: place, pay, fulfil, close, refund."""
