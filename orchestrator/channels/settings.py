"""What every channel can be told in ``channels.yaml``, whatever adapter carries it.

An adapter's own words are fields of a class derived from ``ChannelSettings``::

    @dataclass(frozen=True, kw_only=True)
    class PigeonSettings(ChannelSettings):
        '''Sent by carrier pigeon.'''

        loft: str = word(UrlShape(), "Where the pigeons wait.")
        key: Secret = word(SecretShape(), "What opens the loft.")
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from orchestrator.channels.secret import Secret
from orchestrator.channels.shapes import Rate, RateShape
from orchestrator.language.names import Name, NewName
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.shapes import OneOf, Text, Whole
from orchestrator.language.words import NO_WORDS, Rules, Sentence, word

InDoubtPolicy = Literal["park", "resend", "retry"]
POLICIES: tuple[InDoubtPolicy, ...] = ("park", "resend", "retry")
S = TypeVar("S", bound="ChannelSettings")


@dataclass(frozen=True, kw_only=True)
class OnInDoubt(Sentence):
    """What becomes of a message of which nobody knows whether it was taken.

    `park` leaves it to a person, `resend` sends it once more and says that it may be a
    duplicate, `retry` sends it again with the same key, where the provider knows keys.
    """

    rules = Rules(any_of=(("marketing", "transactional"),))

    marketing: InDoubtPolicy | None = word(
        OneOf(*POLICIES), "Of marketing messages; else `retry` with a key, or `park`.", default=None
    )
    transactional: InDoubtPolicy | None = word(
        OneOf(*POLICIES),
        "Of transactional messages; else `retry` with a key, or `resend`.",
        default=None,
    )


@dataclass(frozen=True, kw_only=True)
class ChannelSettings(Sentence):
    """The words that every channel has, whatever carries it."""

    rules = Rules(needs={"burst": ("rate",)})

    def __init_subclass__(cls) -> None:
        """Add what the common words ask of each other to what an adapter's own words do."""
        super().__init_subclass__()
        needs = {**ChannelSettings.rules.needs, **cls.rules.needs}
        cls.rules = replace(cls.rules, needs=needs)

    adapter: Name | None = word(
        NewName("adapter"),
        "What carries its messages (default: the adapter called like the channel).",
        default=None,
        called=("provider", "type", "driver", "backend", "kind", "via"),
    )
    rate: Rate | None = word(
        RateShape(),
        "No more than so many, by all workers together; without it as many as the provider takes.",
        default=None,
        called=("limit", "rate_limit", "ratelimit", "max_rate", "throttle", "pace"),
    )
    burst: int | None = word(
        Whole(1, 1_000_000),
        "So many may go at once after a pause (default: as many as in half a second, at least 1).",
        default=None,
    )
    at_once: int | None = word(
        Whole(1, 1_000),
        "So many are at the wire together, and at most so many in doubt after a crash "
        "(default: what the adapter says).",
        default=None,
        called=("concurrency", "parallel", "parallelism", "threads", "workers", "in_flight"),
    )
    on_in_doubt: OnInDoubt | None = word(
        SentenceOf(
            OnInDoubt,
            "policies by purpose",
            example="on_in_doubt: {{marketing: park, transactional: resend}}",
        ),
        "What becomes of a message of which nobody knows whether it was taken.",
        default=None,
    )
    note: str | None = word(Text(), "A remark for colleagues.", default=None)


def secrets_of(tree: Any) -> list[Secret]:
    """Return the secrets among settings, in the order of their words."""
    if isinstance(tree, Secret):
        return [tree]
    return [secret for _, member in _members(tree) for secret in secrets_of(member)]


def opened(settings: S, folder: Path) -> S:
    """Return settings whose secrets can be revealed.

    Args:
        folder: where relative paths begin: the project's.
    Raises:
        EnvironmentFault: a secret is missing; says which, and where it is asked for.
    """
    return cast("S", _opened(settings, folder))


def _opened(tree: Any, folder: Path) -> Any:
    if isinstance(tree, Secret):
        return tree.opened(folder)
    if isinstance(tree, Sentence):
        return replace(tree, **{name: _opened(value, folder) for name, value in _members(tree)})
    if isinstance(tree, tuple):
        return tuple(_opened(member, folder) for member in tree)
    if isinstance(tree, dict):
        return {key: _opened(value, folder) for key, value in tree.items()}
    return tree


def _members(tree: Any) -> list[tuple[str, Any]]:
    if isinstance(tree, Sentence):
        names = [item.name for item in fields(tree) if item.name not in NO_WORDS]
        return [(name, getattr(tree, name)) for name in names]
    if isinstance(tree, tuple):
        return [("", member) for member in tree]
    return [*tree.items()] if isinstance(tree, dict) else []
