"""The clock: what wakes the tick, who may run it, and when it must not."""
