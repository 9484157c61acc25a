"""Revisions, oldest first; the number each file name begins with is its id."""
