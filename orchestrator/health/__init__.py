"""How the machine stands: what is due and held, and what an operator should mend."""
