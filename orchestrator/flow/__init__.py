"""Flows: who enters, which steps they walk, when they leave."""
