"""Exports: lists of the console as files, written by a sweep and kept for a week."""
