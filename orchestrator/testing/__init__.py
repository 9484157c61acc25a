"""Tests of flows under virtual time: the production tick, over customers that a file makes up."""
