"""Channels: where messages leave. ``spec`` says what each needs; adapters deliver."""
