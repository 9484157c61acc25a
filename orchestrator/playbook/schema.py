"""JSON Schemas of every playbook file, made from the vocabulary that reads them.

Draft-07, as yaml-language-server reads it. A body is never one of several alternatives:
heads are told apart by ``dependencies`` and documents by their top key, so that an editor
marks the wrong word and not the whole document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from orchestrator.language.families import known_words
from orchestrator.language.shapes import JsonSchema
from orchestrator.language.words import Sentence, any_required, sentence_schema, words_of
from orchestrator.playbook.model import (
    Blueprint,
    Catalog,
    ChannelsFile,
    Flow,
    FlowTest,
    FlowTests,
    MessageFile,
    Project,
    SegmentsFile,
    SharedFile,
    StagesFile,
)
from orchestrator.playbook.schema_definitions import definitions, variable, zones

DIALECT = "http://json-schema.org/draft-07/schema#"
FOLDER = "schemas"
DOCUMENTS: dict[str, type[Sentence]] = {
    "project": Project,
    "catalog": Catalog,
    "stages": StagesFile,
    "segments": SegmentsFile,
    "channels": ChannelsFile,
    "flow": Flow,
    "blueprint": Blueprint,
    "shared": SharedFile,
    "message": MessageFile,
}
"""Kind of file → its vocabulary; each has a schema of its own."""
PLAYBOOK_KINDS = (
    "project", "catalog", "stages", "segments", "channels", "flow", "blueprint", "shared",
)  # fmt: skip
"""Kinds that live under ``playbooks/`` and are told apart by their top key."""

Names = Mapping[str, tuple[str, ...]]
"""Kind of name → what the project calls so."""


def schemas(names: Names | None = None) -> dict[str, JsonSchema]:
    """Return every schema by file name.

    Args:
        names: the project's own names, offered and enforced where such a name stands;
            a kind that is not in it takes any name.
    """
    written = {
        f"{kind}.schema.json": _document(sentence_schema(cls), kind, _summary(cls))
        for kind, cls in DOCUMENTS.items()
    }
    written["playbook.schema.json"] = _document(_any_document(), "playbook", "Any playbook file.")
    written["test.schema.json"] = _document(_test_document(), "test", _summary(FlowTest))
    known = {**(names or {}), "zone": zones()}
    return {file: _finish(schema, known) for file, schema in written.items()}


def schema_texts(names: Names | None = None) -> dict[str, str]:
    """Return what each schema file says, by file name, as text that ends in a newline."""
    return {
        file: json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
        for file, schema in schemas(names).items()
    }


def stale_files(root: Path, names: Names | None = None) -> list[Path]:
    """Return the schema files below ``root`` that are missing or say something else."""
    folder = root / FOLDER
    return [
        folder / file
        for file, text in schema_texts(names).items()
        if not (folder / file).is_file() or (folder / file).read_text("utf-8") != text
    ]


def write_schemas(root: Path, names: Names | None = None) -> list[Path]:
    """Write the stale schema files below ``root`` and return them."""
    stale = stale_files(root, names)
    texts = schema_texts(names)
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path.name], "utf-8")
    return stale


# --- documents ------------------------------------------------------------------------


def top_keys(kind: str) -> tuple[str, ...]:
    """Return the words of which any says that a document is of this kind."""
    if kind == "shared":
        return ("include", "vars")
    if kind != "catalog":
        return (kind,)
    return tuple(key for key in words_of(Catalog) if key not in ("include", "note", "meta"))


def _document(body: JsonSchema, kind: str, summary: str) -> JsonSchema:
    return {
        "$schema": DIALECT,
        "title": f"clmctl {kind}",
        "description": summary,
        **body,
        "definitions": _reachable(body, definitions()),
    }


def _reachable(body: JsonSchema, shared: dict[str, JsonSchema]) -> dict[str, JsonSchema]:
    """Return the definitions that a schema refers to, directly or through others."""
    found: dict[str, JsonSchema] = {}
    waiting = [body]
    while waiting:
        for name in re.findall(r'"#/definitions/(\w+)"', json.dumps(waiting.pop())):
            if name not in found:
                found[name] = shared[name]
                waiting.append(shared[name])
    return {name: found[name] for name in sorted(found)}


def _any_document() -> JsonSchema:
    """Return the schema that looks at the top key and then asks for that kind's words."""
    chain: JsonSchema = {}
    for kind in reversed(PLAYBOOK_KINDS):
        chain = {
            "if": {"anyOf": [{"required": [key]} for key in top_keys(kind)]},
            "then": sentence_schema(DOCUMENTS[kind]),
            "else": chain or _no_document(),
        }
    return {"type": "object", "properties": _top_words(), **chain}


def _test_document() -> JsonSchema:
    """Return the schema of a file of one test, or of several under ``tests``."""
    return {
        "type": "object",
        "if": {"required": ["tests"]},
        "then": sentence_schema(FlowTests),
        "else": sentence_schema(FlowTest),
    }


def _no_document() -> JsonSchema:
    keys = tuple(key for kind in PLAYBOOK_KINDS for key in top_keys(kind))
    return {
        "propertyNames": known_words([*keys, "note", "meta"]),
        **any_required(keys, "a playbook file begins with one of"),
    }


def _top_words() -> JsonSchema:
    return {
        key: {"description": words_of(DOCUMENTS[kind])[key].doc}
        for kind in PLAYBOOK_KINDS
        for key in top_keys(kind)
        if words_of(DOCUMENTS[kind])[key].available
    }


def _summary(cls: type[Sentence]) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0]


# --- names and hover text -------------------------------------------------------------


def _finish(schema: JsonSchema, names: Names) -> JsonSchema:
    """Put the known names where a name stands, and Markdown where an editor shows text."""
    return _rewrite(schema, lambda part: _markdown(_named(part, names)))  # type: ignore[no-any-return]  # a schema in, a schema out


def _rewrite(part: Any, change: Callable[[JsonSchema], JsonSchema]) -> Any:
    if isinstance(part, list):
        return [_rewrite(item, change) for item in part]
    if not isinstance(part, dict):
        return part
    return change({key: _rewrite(value, change) for key, value in part.items()})


def _named(part: JsonSchema, names: Names) -> JsonSchema:
    kind = part.get("x-names")
    if not isinstance(kind, str):
        return part
    rest = {key: value for key, value in part.items() if key not in ("x-names", "x-also")}
    known = _known_of(kind, names)
    if known is None:
        return rest
    words = [*part.get("x-also", ()), *known]
    forms: list[JsonSchema] = [{"enum": words}] if words else []
    forms += [variable(), *_composed(kind, names)]
    described = {key: value for key, value in rest.items() if key == "description"}
    return {**described, "anyOf": forms}


def _known_of(kind: str, names: Names) -> tuple[str, ...] | None:
    if kind != "message fact":
        return names.get(kind)
    messages = names.get("message")
    if messages is None:
        return None
    return ("any", *messages, *(f"{flow}/any" for flow in names["flow"]))


def _composed(kind: str, names: Names) -> list[JsonSchema]:
    """Return the forms of a name that are made of others, too many to list."""
    if kind == "attribute":
        return [{"type": "string", "pattern": r"^entry\."}]
    if kind == "message fact" and names["flow"]:
        flows, messages = "|".join(names["flow"]), "|".join(("any", *names["message"]))
        return [{"type": "string", "pattern": f"^(?:{flows})/(?:{messages})$"}]
    return []


def _markdown(part: JsonSchema) -> JsonSchema:
    text = part.get("description")
    if isinstance(text, str) and "`" in text:
        return {**part, "markdownDescription": text}
    return part
