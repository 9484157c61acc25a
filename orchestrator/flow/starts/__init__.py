"""The kinds of start, one module each."""
