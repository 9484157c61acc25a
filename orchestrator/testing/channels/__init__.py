"""The conformance suite of channel adapters, and doubles of providers to run it against."""

from orchestrator.testing.channels.exercise import (
    Exercised,
    NotConforming,
    adapter_of,
    exercise_channel,
)
from orchestrator.testing.channels.http_provider import HttpProvider
from orchestrator.testing.channels.provider import Behaviour, Callbacks, Provider
from orchestrator.testing.channels.samples import sample_message

__all__ = [
    "Behaviour",
    "Callbacks",
    "Exercised",
    "HttpProvider",
    "NotConforming",
    "Provider",
    "adapter_of",
    "exercise_channel",
    "sample_message",
]
