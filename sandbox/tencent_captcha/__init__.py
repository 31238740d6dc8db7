"""Tencent Captcha: tickets of a slider, and the question whether one is good."""
