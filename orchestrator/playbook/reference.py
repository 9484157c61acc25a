"""The reference pages of the playbook language, made from the vocabulary that reads it.

``docs/reference/*.md`` is never edited: a word, its shape and its line of documentation
stand once, in the dataclass that reads it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from orchestrator.channels.base import Channel
from orchestrator.channels.registry import BUILT_IN, find_adapter
from orchestrator.channels.settings import ChannelSettings, OnInDoubt
from orchestrator.criteria.base import conditions
from orchestrator.criteria.measures import MEASURES
from orchestrator.criteria.modifiers import TESTS, ValueTests
from orchestrator.flow.base import starts, steps
from orchestrator.language.families import Family, Headed
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.shapes import OneOf
from orchestrator.language.words import Rules, Sentence, Word, usable, words_of
from orchestrator.playbook import reference_examples as examples
from orchestrator.playbook.model import (
    Attribute,
    Blueprint,
    Catalog,
    ChannelsFile,
    Defaults,
    Expectation,
    Flow,
    FlowTest,
    FlowTests,
    FrequencyRule,
    Goal,
    Guardrails,
    Happening,
    Holdout,
    Input,
    Links,
    MessageFile,
    Project,
    QuietHours,
    SegmentsFile,
    SharedFile,
    Silence,
    Stage,
    StagesFile,
    Topic,
    VolumeLimit,
    Webhook,
)
from orchestrator.playbook.reference_codes import codes_page

FOLDER = Path("docs/reference")
MADE = "<!-- Made by `make generate` from the vocabulary; edits here are overwritten. -->"
NO_RULES = Rules()
NOT_YET = "Part of the language and not available yet; refused by name"


def pages() -> dict[str, str]:
    """Return every reference page by file name, as Markdown that ends in a newline."""
    return {
        "conditions.md": _page("Conditions", _conditions()),
        "steps.md": _page("Steps", _family(steps(), examples.STEPS_INTRO)),
        "starts.md": _page("Starts", _family(starts(), examples.STARTS_INTRO)),
        "flow.md": _page("Flows", _sentences(examples.FLOW, [Flow, Goal])),
        "blueprints.md": _page(
            "Blueprints", _sentences(examples.BLUEPRINT, [Blueprint, Input, SharedFile])
        ),
        "project.md": _page(
            "The project", _sentences(examples.PROJECT, [Project, Defaults, Links])
        ),
        "catalog.md": _page("The catalog", _catalog()),
        "channels.md": _page("Channels", _channels()),
        "stages_and_segments.md": _page("Stages and segments", _stages_and_segments()),
        "messages.md": _page("Messages", _sentences(examples.MESSAGE, [MessageFile])),
        "tests.md": _page(
            "Tests of flows",
            _sentences(examples.TEST, [FlowTest, FlowTests, Happening, Expectation, Silence]),
        ),
        "guardrails.md": _page("Guardrails", _guardrails()),
        "codes.md": _page("Codes", codes_page()),
    }


def stale_files(root: Path) -> list[Path]:
    """Return the reference pages below ``root`` that are missing or say something else."""
    folder = root / FOLDER
    return [
        folder / name
        for name, text in pages().items()
        if not (folder / name).is_file() or (folder / name).read_text("utf-8") != text
    ]


def write_pages(root: Path) -> list[Path]:
    """Write the stale reference pages below ``root`` and return them."""
    stale = stale_files(root)
    texts = pages()
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path.name], "utf-8")
    return stale


def _page(title: str, parts: Iterable[str]) -> str:
    return "\n\n".join([f"# {title}", MADE, *parts]) + "\n"


# --- pages of families ----------------------------------------------------------------


def _conditions() -> Iterator[str]:
    yield from _family(conditions(), examples.CONDITIONS_INTRO)
    yield "## Tests of a property"
    yield f"In `where`, a property is {TESTS.says}."
    yield _table(ValueTests)


def _family(family: Family[Any], intro: str) -> Iterator[str]:
    yield intro
    kinds = list(dict.fromkeys(family.kinds.values()))
    yield "\n".join(_contents(kind) for kind in kinds)
    for kind in kinds:
        yield from _kind(kind)
    if family.later:
        words = ", ".join(f"`{head}`" for head in family.later)
        yield f"## Not available yet\n\n{NOT_YET}: {words}."


def _contents(kind: type[Headed]) -> str:
    anchor = "-".join(kind.heads)
    return f"- [{', '.join(kind.heads)}](#{anchor}): {_first_line(kind)}"


def _kind(kind: type[Headed]) -> Iterator[str]:
    yield "## " + " ".join(f"`{head}`" for head in kind.heads)
    yield _text(kind)
    takes = f"{kind.operand_doc.rstrip('.')} ({kind.operand_shape.says})."
    lines = [f"- `{head}`: {doc}" for head, doc in kind.pattern_heads.items()]
    yield "\n".join([takes, *([""] if lines else []), *lines])
    if words_of(kind):
        yield _table(kind)
    yield from _rules(kind)
    yield _yaml(kind.example)


# --- pages of documents ---------------------------------------------------------------


def _sentences(example: examples.Example, classes: Iterable[type[Sentence]]) -> Iterator[str]:
    yield example.intro
    yield _yaml(example.yaml)
    for cls in classes:
        yield from _sentence(cls)


def _sentence(cls: type[Sentence]) -> Iterator[str]:
    yield f"## {_title(cls)}"
    yield _text(cls)
    yield _table(cls)
    yield from _rules(cls)


def _catalog() -> Iterator[str]:
    yield from _sentences(examples.CATALOG, [Catalog, Attribute])
    yield "## Computed attributes"
    yield examples.MEASURES_INTRO
    for kind in dict.fromkeys(MEASURES.kinds.values()):
        yield from (part.replace("## ", "### ", 1) for part in _kind(kind))
    yield from _sentence(Topic)
    yield from _sentence(Webhook)


def _channels() -> Iterator[str]:
    yield from _sentences(examples.CHANNELS, [ChannelsFile, ChannelSettings, OnInDoubt])
    yield "## Adapters"
    yield "Beside the words of every channel, each adapter has its own."
    for name in sorted(BUILT_IN):
        yield from _adapter(find_adapter(name))


def _adapter(adapter: type[Channel]) -> Iterator[str]:
    """Yield what an adapter is told beyond the words of every channel."""
    carries = f"the channel `{adapter.spec.name}`" if adapter.spec else "any channel"
    yield f"### `{adapter.name}`"
    yield f"{_text(adapter.Settings)}\n\nCarries {carries}."
    common = words_of(ChannelSettings)
    own = [word for key, word in words_of(adapter.Settings).items() if key not in common]
    if own:
        yield _table(adapter.Settings, own)
    yield from _rules(adapter.Settings, beyond=ChannelSettings.rules)
    for word in own:
        if isinstance(word.shape, SentenceOf):
            yield f"#### `{word.key}`"
            yield _text(word.shape.cls)
            yield _table(word.shape.cls)
            yield from _rules(word.shape.cls)


def _stages_and_segments() -> Iterator[str]:
    yield from _sentences(examples.STAGES, [StagesFile, Stage])
    yield from _sentences(examples.SEGMENTS, [SegmentsFile])


def _guardrails() -> Iterator[str]:
    parts = [Guardrails, FrequencyRule, QuietHours, Holdout, VolumeLimit]
    yield from _sentences(examples.GUARDRAILS, parts)


# --- parts ----------------------------------------------------------------------------


def _table(cls: type[Sentence], words: Iterable[Word] | None = None) -> str:
    """Return a table of the words: what each takes, its default, its meaning, an example.

    Args:
        words: those of the class that are wanted; None for all.
    """
    chosen = words_of(cls).values() if words is None else words
    rows = [_row(cls, word) for word in chosen if word.available]
    head = "| Word | Takes | Default | Meaning | Example |\n|---|---|---|---|---|"
    table = "\n".join([head, *rows])
    later = [f"`{word.key}`" for word in words_of(cls).values() if not word.available]
    return f"{table}\n\n{NOT_YET}: {', '.join(later)}." if later else table


def _row(cls: type[Sentence], word: Word) -> str:
    later = word.shape.later if isinstance(word.shape, OneOf) else ()
    doc = word.doc + (f" Not yet: {', '.join(later)}." if later else "")
    cells = (
        f"`{word.key}`",
        word.shape.says,
        _default(cls, word),
        doc,
        f"`{examples.sample(word.key, word.shape)}`",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(cls: type[Sentence], word: Word) -> str:
    if word.required:
        return "required"
    default = next(f.default for f in dataclasses.fields(cls) if f.name == word.field_name)
    return "–" if default is None else f"`{default}`"


def _rules(cls: type[Sentence], *, beyond: Rules = NO_RULES) -> Iterator[str]:
    """Yield what the words ask of each other, but for what was said before."""
    rules = cls.rules
    needs = {key: needed for key, needed in rules.needs.items() if key not in beyond.needs}
    lines = [
        *(f"- `{key}` needs {_listed(needed)} beside it." for key, needed in needs.items()),
        *(f"- At least one of {_listed(usable(cls, group))}." for group in rules.any_of),
        *(f"- Not together: {_listed(pair)}." for pair in rules.not_together),
    ]
    if lines:
        yield "\n".join(lines)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _yaml(text: str) -> str:
    return f"```yaml\n{text.strip()}\n```"


def _first_line(cls: type[Sentence]) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0]


def _text(cls: type[Sentence]) -> str:
    lines = (line.strip() for line in (cls.__doc__ or "").strip().splitlines())
    return "\n".join(lines)


def _title(cls: type[Sentence]) -> str:
    return examples.TITLES[cls]


def vocabulary() -> Iterator[type[Sentence]]:
    """Yield every sentence class the pages describe, documents and their parts first."""
    yield from examples.TITLES
    for family in (conditions(), steps(), starts(), MEASURES):
        yield from dict.fromkeys(family.kinds.values())
    for name in BUILT_IN:
        yield find_adapter(name).Settings
