"""Alipay's open gateway for a merchant with a mini-program, simulated strictly."""
