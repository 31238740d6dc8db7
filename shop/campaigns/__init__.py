"""Campaigns: what is sold at a deal price, when, how much of it, to whom; whichever way."""
