"""From a queued row of the ledger to a message at its provider, and what comes of it."""
