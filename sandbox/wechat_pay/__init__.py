"""WeChat Pay v3 for a direct merchant, simulated strictly."""
