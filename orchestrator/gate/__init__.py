"""The gate: whether a send that a run stands at may leave now, and if not, why not."""
