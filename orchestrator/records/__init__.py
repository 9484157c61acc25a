"""The plain values that walk from the tick to a channel. No I/O, no database rows."""
