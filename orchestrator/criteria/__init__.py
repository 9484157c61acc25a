"""Conditions: what a playbook asks of a customer, and the SQL that answers it."""
