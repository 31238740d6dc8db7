"""Benchmarks: figures against their targets, measured on servers of their own."""
