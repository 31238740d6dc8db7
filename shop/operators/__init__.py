"""Operators: who works in the console, what each may do, and what each did."""
