"""Rendering: a decided send and its template become the message a channel gets."""
