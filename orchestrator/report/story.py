"""A flow in English, told from its structure, so that it can never disagree with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import time
from decimal import Decimal
from string import ascii_lowercase
from typing import Any

from orchestrator.counting import percent
from orchestrator.criteria.base import Condition, Criterion, Group
from orchestrator.criteria.phrases import where_phrase
from orchestrator.flow.base import Start, Step
from orchestrator.flow.steps.branch import Branch
from orchestrator.flow.steps.repeat import Repeat
from orchestrator.flow.steps.split import Split
from orchestrator.language.families import Headed
from orchestrator.language.nodes import MapNode, Node, ScalarNode
from orchestrator.language.words import Sentence, words_of
from orchestrator.playbook.model import Flow, Goal, Guardrails, ReEntry
from orchestrator.report.layout import Page

GROUP_WORDS = {
    "all": "all of these hold",
    "any": "any of these holds",
    "none": "none of these holds",
}
STATUS_WORDS = {
    "draft": "a draft: it is not evaluated yet",
    "shadow": "in shadow: it decides everything and sends nothing",
    "live": "live",
    "paused": "paused: its runs stand still",
    "retired": "retired: it is not evaluated any more",
}
UNSAID = ("id", "only_if", "note", "otherwise", "do", "if_met", "if_timed_out")
"""Words of a step that are told elsewhere, or to nobody."""


def story(flow: Flow, page: Page) -> Iterator[str]:
    """Yield the lines that tell a flow from its start to its last step."""
    yield page.paint(str(flow.flow), "bold") + (f": {flow.title}" if flow.title else "")
    yield f"It is {STATUS_WORDS.get(flow.status, flow.status)}."
    yield from _people(flow)
    yield from _section("Starts when", _starts(flow.starts_when), page)
    yield from _section("Only if", _criterion(flow.audience), page)
    yield from _section("Enters", _entering(flow), page)
    yield from _section("Opens and closes", _season(flow), page)
    yield from _section("Steps", _steps(flow.steps), page)
    yield from _section("Leaves as soon as", _criterion(flow.exits_when), page)
    going = flow.goal is not None and flow.goal.keep_going
    yield from _section("Goal" if going else "Goal, which ends it", _goal(flow.goal), page)
    yield from _section("Guardrails of its own", _guardrails(flow.guardrails), page)


def _section(title: str, lines: Iterable[str], page: Page) -> Iterator[str]:
    told = list(lines)
    if told:
        yield ""
        yield page.paint(title, "bold")
        for line in told:
            depth = len(line) - len(line.lstrip())
            yield from page.wrap(line.lstrip(), indent=2 + depth, hang=2)


def _people(flow: Flow) -> Iterator[str]:
    if flow.from_blueprint:
        yield f"It is made from the blueprint {flow.from_blueprint}{_inputs(flow.inputs)}."
    if flow.owner:
        yield f"{flow.owner} answers for it."
    if flow.tags:
        yield f"Tags: {', '.join(flow.tags)}."
    if flow.note:
        yield flow.note


def _inputs(given: Node | None) -> str:
    """Return what the flow gave the blueprint: "with lapse 90 days"; longer values by name."""
    said = [
        f"{key.text} {value.text}" if isinstance(value, ScalarNode) else f"its own {key.text}"
        for key, value in (given.items if isinstance(given, MapNode) else ())
    ]
    return f" with {', '.join(said)}" if said else ""


def _starts(starts: tuple[Start, ...]) -> Iterator[str]:
    for start in starts:
        name = f"{start.id}: " if start.id else ""
        yield f"{name}{_headed(start)}"
        if isinstance(start.operand, Condition | Group):
            yield from _indented(_criterion(start.operand))


def _criterion(criterion: Criterion | None) -> Iterator[str]:
    if isinstance(criterion, Group):
        yield f"{GROUP_WORDS[criterion.how]}:"
        for member in criterion.members:
            first, *others = _criterion(member)
            yield f"  - {first}"
            yield from _indented(others, "    ")
    elif criterion is not None:
        yield criterion.says()


def _re_entry(re_entry: ReEntry) -> str:
    if re_entry.how == "after":
        return f"again, if {re_entry.after} have passed since the last exit"
    return "any number of times" if re_entry.how == "always" else "once, never again"


def _entering(flow: Flow) -> Iterator[str]:
    yield _re_entry(flow.re_entry) + (f", per {flow.key}" if flow.key else "")
    if flow.if_already_in == "restart":
        yield "a start while the customer is inside ends that run and begins anew"
    if flow.recheck:
        yield "before each send the audience is asked again; who left it leaves the flow"


def _season(flow: Flow) -> Iterator[str]:
    if flow.opens:
        yield f"opens {flow.opens}"
    if flow.closes:
        yield f"closes {flow.closes}"


def _goal(goal: Goal | None) -> Iterator[str]:
    if goal is not None:
        yield "; ".join(_modifiers(goal))


def _guardrails(guardrails: Guardrails | None) -> Iterator[str]:
    if guardrails is not None:
        yield from _modifiers(guardrails)


def _steps(steps: Iterable[Step], number: str = "") -> Iterator[str]:
    for at, step in enumerate(steps, start=1):
        place = f"{number}{at}"
        yield from _told(f"{place}. ", step)
        if step.only_if is not None:
            yield from _indented(_led("only if ", _criterion(step.only_if)))
        labels = _labels(step)
        for letter, (label, inner) in zip(ascii_lowercase, step.blocks(), strict=False):
            yield from _indented(_led(f"{labels.get(label, label)}", ()))
            yield from _indented(_steps(inner, f"{place}{letter}."), "    ")


def _told(place: str, step: Step) -> Iterator[str]:
    """Yield a step: its head and words, and below it the condition that it is about."""
    asked = dict(step.asks())
    criterion = asked.get("wait_until") or asked.get("until")
    if criterion is None:
        yield place + (_repeat(step) if isinstance(step, Repeat) else _headed(step))
        return
    lead = "wait until" if "wait_until" in asked else "until"
    words = "".join(f", {said}" for said in _modifiers(step))
    first, *others = _criterion(criterion)
    if isinstance(step, Repeat):
        lead, words = f"{_repeat(step)}, until", ""
    yield f"{place}{lead} {first}{words}"
    yield from _indented(others)


def _repeat(step: Repeat) -> str:
    times = "once" if step.operand.at_most == 1 else f"{step.operand.at_most} times"
    return f"repeat every {_value(step.operand.every)}, at most {times}"


def _labels(step: Step) -> Mapping[str, str]:
    """Return what leads into each inner list of steps."""
    if isinstance(step, Split):
        return {name: f"{percent(share.share)} {name}:" for name, share in step.operand.items()}
    ways = step.operand if isinstance(step.operand, tuple) else ()
    labels = {
        str(at): " ".join(["if", *_criterion(way.if_)]) + ":"
        for at, way in enumerate(ways)
        if hasattr(way, "if_")
    }
    return {**labels, **_LABELS}


_LABELS = {
    "otherwise": "otherwise:",
    "do": "do:",
    "if_met": "if it holds:",
    "if_timed_out": "if not in time:",
}


def _led(lead: str, lines: Iterable[str]) -> Iterator[str]:
    first, *others = [*lines] or [""]
    yield f"{lead}{first}"
    yield from _indented(others)


def _indented(lines: Iterable[str], by: str = "  ") -> Iterator[str]:
    return (f"{by}{line}" for line in lines)


def _headed(sentence: Headed) -> str:
    """Return ``wait 2 days, then between 09:00-11:00``: the head, its operand, the modifiers."""
    said = sentence.head.replace("_", " ")
    inner = isinstance(sentence, Branch | Split)
    operand = "" if inner else _value(sentence.operand)
    return ", ".join([f"{said} {operand}".rstrip(), *_modifiers(sentence)])


def _modifiers(sentence: Sentence) -> Iterator[str]:
    for key, word in words_of(type(sentence)).items():
        value = getattr(sentence, word.field_name)
        if key in UNSAID or value is None or key not in sentence.marks:
            continue
        if key == "where":
            yield where_phrase(value).strip()
        else:
            said = percent(value) if key == "share" else _value(value)
            yield f"{key.replace('_', ' ')} {said}".rstrip()


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "" if value else "no"
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Condition | Group):
        return ""
    if isinstance(value, Sentence):
        return ", ".join(_modifiers(value))
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value(item)}" for key, item in value.items() if _value(item))
    if isinstance(value, tuple):
        return ", ".join(filter(None, map(_value, value)))
    return str(value)
