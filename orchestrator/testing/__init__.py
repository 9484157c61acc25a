"""Tests of flows under virtual time, and of channel adapters against doubles of providers."""

from orchestrator.testing.channels import exercise_channel

__all__ = ["exercise_channel"]
