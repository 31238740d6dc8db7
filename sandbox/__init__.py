"""The platforms, simulated: a strict peer that shares no code with the product."""
