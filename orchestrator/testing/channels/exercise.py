"""``exercise_channel``: the one conformance suite, for built-in adapters and for yours."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from orchestrator.channels.base import Channel, Surroundings
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.settings import opened
from orchestrator.language.marks import Mark, Problem
from orchestrator.language.nodes import MapNode
from orchestrator.language.reader import Invalid, Reader
from orchestrator.language.sentences import read_sentence
from orchestrator.playbook.yaml_text import read_yaml
from orchestrator.testing.channels import (
    facts_of_batches,
    facts_of_class,
    facts_of_instances,
    facts_of_receipts,
    facts_of_sending,
    facts_of_values,
)
from orchestrator.testing.channels.kit import Kit
from orchestrator.testing.channels.provider import Callbacks, Provider, Unseen
from orchestrator.testing.channels.samples import sample_message
from orchestrator.testing.channels.watching import MOST_HANGING, PATIENCE_SECONDS, Watch

C = TypeVar("C", bound=Channel)
MOST_FINDINGS = 20
"""Of one fact; an adapter that always fails fails in hundreds of ways."""
_NOWHERE = Mark("channels.yaml", 1, 1)
Fact = Callable[[Kit], Iterator[str]]
FACTS: tuple[Fact, ...] = (
    facts_of_class.class_is_whole,
    facts_of_class.capabilities_hold_together,
    facts_of_class.words_are_documented,
    facts_of_sending.answers_are_honest,
    facts_of_sending.the_key_is_carried,
    facts_of_sending.expiry_is_told,
    facts_of_sending.messages_stay_as_they_are,
    facts_of_instances.closing_ends_nothing,
    facts_of_instances.it_recovers,
    facts_of_instances.what_was_put_off_leaves_later,
    facts_of_instances.other_threads_may_use_it,
    facts_of_instances.instances_are_apart,
    facts_of_sending.checking_is_harmless,
    facts_of_sending.verifying_is_honest,
    facts_of_batches.batches_are_several_sends,
    facts_of_batches.batches_are_honest,
    facts_of_batches.what_was_not_asked_for_stays,
    facts_of_batches.one_failure_takes_no_other_along,
    facts_of_values.hostile_values_are_inert,
    facts_of_values.hostile_parts_are_inert,
    facts_of_receipts.genuine_callbacks_are_read,
    facts_of_receipts.forged_callbacks_are_refused,
    facts_of_receipts.strange_callbacks_are_harmless,
    facts_of_values.secrets_stay_secret,
    facts_of_values.people_stay_unnamed,
)
"""All facts; the last two look back on what was said during the others."""


@dataclass(frozen=True)
class Exercised:
    """What the suite found."""

    held: tuple[str, ...]
    """Facts that hold, as sentences."""
    left_out: tuple[str, ...]
    """What could not be tried, and why."""
    broken: tuple[str, ...] = field(default=())


class NotConforming(AssertionError):
    """An adapter breaks the contract. The message lists every finding."""


def exercise_channel(
    adapter: Channel | Callable[[], Channel],
    provider: Provider | None = None,
    *,
    message: OutgoingMessage | None = None,
    callbacks: Callbacks | None = None,
    patience: float = PATIENCE_SECONDS,
) -> Exercised:
    """Try an adapter against a double of its provider; every fact of the contract must hold.

    Args:
        adapter: one that talks to ``provider``, or a function that returns a new one each time,
            as ``adapter_of`` does.
        provider: the double. ``HttpProvider`` is one for providers with an HTTP interface.
            Without it nobody sees what arrives, and the adapter's provider must accept
            everything: what is promised of failures is not tried.
        message: one that the adapter can send; without it a plain one of its channel.
        callbacks: makes the provider's callbacks; needed if the adapter reads receipts.
        patience: seconds for which a call is waited for beyond ``capabilities.timeout``, or
            beyond 10 s where it sends nothing, before it counts as one that never returns.
    Raises:
        NotConforming: a fact does not hold.
    """
    make = adapter if not isinstance(adapter, Channel) else _always(adapter)
    one = make()
    watch = Watch(patience)
    kit = Kit(
        make, provider or Unseen(), message or sample_message(one.spec), callbacks, watch=watch
    )
    held, broken = list[str](), list[str]()
    with closing(watch), kit.heard.listening():
        watch.findings(lambda: _closed(kit, one))  # how it closes is a fact of its own
        for fact in FACTS:
            if watch.hanging >= MOST_HANGING:
                kit.left_out.append(f"{fact.__name__}: too much hangs")
                continue
            found = watch.findings(partial(fact, kit))
            broken += [f"{fact.__name__}: {one}" for one in _some(found)]
            held += [] if found else [_sentence(fact)]
        broken += watch.last_words()
    if provider is None:
        kit.left_out.insert(0, "no provider: nobody saw what arrived")
    if callbacks is None:
        kit.left_out.append("no callbacks: receipts were not tried")
    if broken:
        raise NotConforming(_listed(one, broken, kit.left_out))
    return Exercised(tuple(held), tuple(kit.left_out))


def _always(adapter: Channel) -> Callable[[], Channel]:
    return lambda: adapter


def _closed(kit: Kit, adapter: Channel) -> Iterator[str]:
    kit.close(adapter)
    yield from ()


def _some(found: list[str]) -> list[str]:
    """Return the first of many findings, and how many others there are."""
    more = len(found) - MOST_FINDINGS
    return found if more <= 0 else [*found[:MOST_FINDINGS], f"and {more} more like these"]


def _sentence(fact: Fact) -> str:
    return (fact.__doc__ or "").strip().partition("\n")[0]


def _listed(adapter: Channel, broken: list[str], left_out: list[str]) -> str:
    head = f'the adapter "{adapter.name}" breaks the contract of channels:'
    return "\n".join([head, *(f"- {one}" for one in broken), *(f"({one})" for one in left_out)])


def adapter_of(
    adapter: type[C],
    settings: str = "",
    *,
    folder: Path,
    secrets: Mapping[str, str] | None = None,
    base_url: str | None = "https://kopi.example",
    timeout: timedelta | None = None,
) -> C:
    """Return an adapter as ``channels.yaml`` would make it.

    Args:
        settings: what stands under the channel, as YAML: ``loft: https://loft.example``.
        folder: the project's; relative paths among the settings begin here.
        secrets: variable → text, for the secrets that the settings place in ``env:``.
        timeout: a shorter one than its own, so that a silent provider costs less time.
    Raises:
        ValueError: the settings cannot be read; says what is wrong.
        EnvironmentFault: a secret is missing.
    """
    read = _read(adapter, settings)
    with _environment(secrets or {}):
        ready = opened(read, folder)
    surroundings = Surroundings(project="kopi", folder=folder, base_url=base_url)
    if timeout is not None:
        capabilities = replace(adapter.capabilities, timeout=timeout)
        adapter = type(adapter.__name__, (adapter,), {"capabilities": capabilities})
    return adapter(ready, surroundings)


def _read(adapter: type[Channel], settings: str) -> Any:
    problems: list[Problem] = []
    node = read_yaml(settings, "channels.yaml", problems) if settings.strip() else None
    reader = Reader(problems=problems)
    empty = MapNode(_NOWHERE, ())
    mapping = node if isinstance(node, MapNode) else empty
    read = read_sentence(adapter.Settings, mapping, reader, place=f'the channel "{adapter.name}"')
    if isinstance(read, Invalid) or problems or not isinstance(node, MapNode | None):
        told = "; ".join(f"{one.message} ({one.help})" for one in problems)
        raise ValueError(told or "the settings are no mapping")
    return read


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, text in before.items():
            if text is None:
                del os.environ[name]
            else:
                os.environ[name] = text
