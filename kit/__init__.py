"""Mechanisms without business nouns; imports nothing of ours."""
