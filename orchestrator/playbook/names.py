"""Names: whatever a playbook refers to must be defined, and known where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from orchestrator.criteria.kinds.custom import KIND
from orchestrator.criteria.kinds.did import Did, Following
from orchestrator.criteria.kinds.message_fact import KINDS
from orchestrator.criteria.measures import split_property
from orchestrator.flow.graph import step_ids
from orchestrator.flow.steps.consent import EVERY_TOPIC, Subscription
from orchestrator.flow.steps.send import Send
from orchestrator.language.literals import Reference
from orchestrator.language.marks import Mark, Problem
from orchestrator.language.names import Name
from orchestrator.language.reader import suggest
from orchestrator.language.words import Sentence
from orchestrator.playbook.model import Flow
from orchestrator.playbook.places import Setting, own_literals, own_names, sentences
from orchestrator.playbook.result_names import names_result, result_problems
from orchestrator.playbook.vocabulary import CODES, ENTRY_FACTS, Vocabulary


def name_problems(vocabulary: Vocabulary) -> Iterator[Problem]:
    """Yield every name that nothing has, and every one that is out of place."""
    for tree, setting in vocabulary.trees():
        for sentence in sentences(tree):
            yield from _in_sentence(sentence, setting, vocabulary)
    for flow in vocabulary.playbook.flows.values():
        if flow.key is not None:
            yield from _key(flow.key, flow, vocabulary)


def _key(key: Name, flow: Flow, vocabulary: Vocabulary) -> Iterator[Problem]:
    """Look for the flow's key among the properties of each event that starts it."""
    for event in dict.fromkeys(vocabulary.start_events(flow) or ()):
        yield from _one_property(event, key, vocabulary)


def _in_sentence(sentence: Sentence, setting: Setting, vocabulary: Vocabulary) -> Iterator[Problem]:
    for field, name in own_names(sentence):
        if name == "preferred" and isinstance(sentence, Send) and field == "channels":
            continue
        if name == EVERY_TOPIC and isinstance(sentence, Subscription):
            continue
        if name.kind == "channel" and isinstance(sentence, Send) and field == "channels":
            yield from _in_channels(name, vocabulary)
            continue
        yield from _name(name, setting, vocabulary)
    yield from _properties_of(sentence, vocabulary)
    for literal in own_literals(sentence):
        if isinstance(literal.value, Reference):
            yield from _reference(literal.value, literal.mark, setting, vocabulary)
    if getattr(sentence, "since", None) and not setting.in_run:
        yield Problem(
            sentence.mark_at("since"),
            "CLM220",
            '"since: entry" is asked where nobody has entered a flow',
            'use it in the steps, audience, "exits_when" or goal of a flow; here say "in_last"',
        )


def _in_channels(name: Name, vocabulary: Vocabulary) -> Iterator[Problem]:
    """Look for a name in a list of channels, where ``preferred`` may stand too."""
    if not vocabulary.has("channel", name):
        yield vocabulary.unknown("channel", name, ["preferred", *vocabulary.known("channel")])


def _name(name: Name, setting: Setting, vocabulary: Vocabulary) -> Iterator[Problem]:
    if name.kind == "property":
        yield from _property(name, vocabulary)
    elif name.kind == "message fact":
        yield from _message_fact(name, vocabulary)
    elif name.kind == "task":
        yield from _task(name, setting)
    elif name.kind == KIND:
        return  # what a package brings is looked at in ``customs``
    elif name.kind == "variant":
        yield from _variant(name, setting, vocabulary)
    elif name.kind == "attribute" and name.startswith("entry."):
        yield from _entry(name.removeprefix("entry."), name.mark, setting, vocabulary)
    elif name.kind == "attribute" and names_result(name, setting, vocabulary):
        yield from result_problems(name, name.mark, setting, vocabulary)
    elif not vocabulary.has(name.kind, name):
        problem = vocabulary.unknown(name.kind, name)
        yield replace(problem, help=_MEANT.get((name.kind, str(name)), problem.help))


_MEANT = {
    ("channel", "preferred"): "it stands in a list only: channels: [preferred, email]",
    **{
        ("event", fact): f"for what became of a message write {{{fact}: any}} or its name; "
        "an event must be in the catalog"
        for fact in KINDS
    },
}
"""(kind, name) → what is mostly meant by it."""


def _task(name: Name, setting: Setting) -> Iterator[Problem]:
    flow = setting.flow
    if flow is None or not setting.in_run:
        message = '"task_done" is asked where there is no run'
        help = 'use it in the steps, "exits_when" or goal of the flow that gives the task'
        yield Problem(name.mark, "CLM234", message, help)
        return
    known = [id for step, id in step_ids(flow.steps or ()) if step.head == "task"]
    if name not in known and "steps" not in (flow.unread or ()):
        message = f'no task of this flow is called "{name[:60]}"'
        yield Problem(name.mark, "CLM234", message, suggest(name, known, lead="its tasks are"))


def _property(name: Name, vocabulary: Vocabulary) -> Iterator[Problem]:
    event, prop = split_property(name)
    if not event:
        help = "write the event, a dot and the property, for example: purchase.amount"
        message = f'"{name[:60]}" is no property of an event'
        yield Problem(name.mark, "CLM202", message, help)
    elif not vocabulary.has("event", event):
        yield vocabulary.unknown("event", Name(event, "event", name.mark))
    else:
        yield from _one_property(event, Name(prop, "property", name.mark), vocabulary)


def _one_property(event: str, prop: Name, vocabulary: Vocabulary) -> Iterator[Problem]:
    known = vocabulary.properties(event)
    if event in vocabulary.declared.of("event") and prop not in known:
        problem = vocabulary.unknown("property", prop, known)
        message = f'the event "{event}" has no property "{prop[:60]}"'
        yield Problem(problem.mark, problem.code, message, problem.help)


def _properties_of(sentence: Sentence, vocabulary: Vocabulary) -> Iterator[Problem]:
    """Look at the properties that ``where`` and ``same`` name of the sentence's events."""
    event = event_of(sentence)
    if event is None:
        return
    for prop in getattr(sentence, "where", None) or ():
        if not isinstance(prop, Name):
            continue
        yield from _one_property(event, prop, vocabulary)
    if isinstance(sentence, Did) and sentence.same is not None:
        following = sentence.then or sentence.then_not
        for each in dict.fromkeys((event, following.did if following else event)):
            if each is not None:
                yield from _one_property(each, sentence.same, vocabulary)


def event_of(sentence: Sentence) -> str | None:
    """Return the event that a sentence's ``where`` is about."""
    name: Any = getattr(sentence, "did", None) or getattr(sentence, "operand", None)
    if isinstance(sentence, Following):
        name = sentence.did
    if not isinstance(name, Name):
        return None
    if name.kind == "event":
        return name
    return split_property(name)[0] if name.kind == "property" else None


def _message_fact(name: Name, vocabulary: Vocabulary) -> Iterator[Problem]:
    flow, slash, message = name.partition("/")
    if not slash:
        flow, message = "", name
    if slash and not vocabulary.has("flow", flow):
        yield vocabulary.unknown("flow", Name(flow, "flow", name.mark))
    if message != "any" and not vocabulary.has("message", message):
        yield vocabulary.unknown("message", Name(message, "message", name.mark))


def _variant(name: Name, setting: Setting, vocabulary: Vocabulary) -> Iterator[Problem]:
    """Look for a share; where it stands in a flow, that flow's own splits come first."""
    variants = vocabulary.names.variants
    own = f"{setting.flow.flow}/{name}" if setting.flow is not None else name
    if name in variants or own in variants:
        return
    meant = [one for one in variants if one.partition("/")[2] == name]
    if len(meant) > 1:
        message = f'several flows have a split with the share "{name[:60]}"'
        help = f"say which flow is meant: {', '.join(meant)}"
        yield Problem(name.mark, CODES["variant"], message, help)
    elif not meant and vocabulary.knows_all_steps:
        short = [one.partition("/")[2] for one in variants]
        known = variants if name.count("/") > 1 else list(dict.fromkeys(short))
        yield vocabulary.unknown("variant", name, known)


def _reference(
    reference: Reference, mark: Mark, setting: Setting, vocabulary: Vocabulary
) -> Iterator[Problem]:
    if reference.root == "entry":
        yield from _entry(reference.name, mark, setting, vocabulary)
    elif reference.root != "customer":
        named = f"{reference.root}.{reference.name}"
        yield from result_problems(named, mark, setting, vocabulary)
    elif not vocabulary.has("attribute", reference.name):
        yield vocabulary.unknown("attribute", Name(reference.name, "attribute", mark))


def _entry(prop: str, mark: Mark, setting: Setting, vocabulary: Vocabulary) -> Iterator[Problem]:
    if setting.flow is None or not setting.in_run:
        yield Problem(
            mark,
            "CLM217",
            f'"entry.{prop}" is asked where nobody has entered a flow',
            'use it in the steps, audience, "exits_when" or goal of a flow',
        )
        return
    events = vocabulary.start_events(setting.flow)
    if prop in ENTRY_FACTS or events is None:
        return
    if not events:
        help = "only a start by an event, or by a segment with exactly one did, has properties"
        message = f'what starts this flow has no property "{prop[:60]}"'
        yield Problem(mark, "CLM217", message, help)
        return
    known = [each for event in events for each in vocabulary.properties(event)]
    if prop not in known and all(map(vocabulary.is_declared, events)):
        help = suggest(prop, known, lead="its properties are")
        message = f'what starts this flow has no property "{prop[:60]}"'
        yield Problem(mark, "CLM217", message, help)
