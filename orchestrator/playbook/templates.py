"""Message folders: ``templates/<message>/`` as messages and their templates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.channels.spec import CHANNELS
from orchestrator.language.marks import Mark
from orchestrator.language.names import IDENTIFIER
from orchestrator.language.nodes import MapNode
from orchestrator.language.reader import Reader, part_of, suggest
from orchestrator.language.sentences import read_sentence
from orchestrator.language.shapes import Text
from orchestrator.language.words import Sentence, word
from orchestrator.playbook.files import ATTACHMENTS, LIBRARIES, TEMPLATES
from orchestrator.playbook.mending import sound_words
from orchestrator.playbook.model import Message, MessageFile, Template
from orchestrator.playbook.yaml_text import read_yaml

SETTINGS = "message.yaml"
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?\Z")
_FORM = "<channel>[.<locale>].<format>.j2"


@dataclass(frozen=True, kw_only=True)
class FrontMatter(Sentence):
    """What stands between the two ``---`` lines at the top of a template."""

    subject: str | None = word(Text(), "The subject line (Jinja).", default=None)
    preheader: str | None = word(Text(), "The preview beside the subject.", default=None)


def library(texts: Mapping[str, str]) -> dict[str, str]:
    """Return layouts and partials by the name that templates extend and include."""
    found = {}
    for path, text in texts.items():
        name = path.removeprefix(f"{TEMPLATES}/")
        if name.split("/")[0] in LIBRARIES:
            found[name] = text
    return found


def message_folders(files: Iterable[str]) -> dict[str, list[str]]:
    """Return message → paths of its files, out of those of the project."""
    folders: dict[str, list[str]] = {}
    for path in sorted(set(files)):
        _, _, below = path.partition(f"{TEMPLATES}/")
        name, slash, _ = below.partition("/")
        if slash and path.startswith(f"{TEMPLATES}/") and name not in (*LIBRARIES, ATTACHMENTS):
            folders.setdefault(name, []).append(path)
    return folders


def read_message(name: str, texts: Mapping[str, str], reader: Reader) -> Message:
    """Read one message folder; what is wrong in it is reported and left out.

    Args:
        texts: path → text of the folder's files.
    """
    folder = f"{TEMPLATES}/{name}"
    first = Mark(next(iter(texts), folder), 1, 1)
    if not re.fullmatch(IDENTIFIER, name):
        _refuse_name(reader, first, f'the folder "{name}" cannot be the name of a message')
    settings = MessageFile(mark=Mark(f"{folder}/{SETTINGS}", 1, 1), marks={})
    templates = []
    for path, text in texts.items():
        file = path.removeprefix(f"{folder}/")
        if file == SETTINGS:
            settings = _settings(path, text, reader) or settings
        elif template := _template(path, file, text, reader):
            templates.append(template)
    _one_body_each(templates, reader)
    if all(path == f"{folder}/{SETTINGS}" for path in texts):
        message = f'the message "{name}" has no template'
        reader.report(first, "CLM119", message, help=f"add one: {folder}/email.md.j2")
    return Message(name, settings, tuple(templates))


def _refuse_name(reader: Reader, mark: Mark, message: str) -> None:
    help = "use letters, digits, _ and -, beginning with a letter"
    reader.report(mark, "CLM119", message, help=help)


def _settings(path: str, text: str, reader: Reader) -> MessageFile | None:
    node = read_yaml(text, path, reader.problems, holds="topic: newsletter")
    if not isinstance(node, MapNode):
        if node is not None:
            reader.report(node.mark, "CLM106", "a message file is a mapping such as {topic: …}")
        return None
    settings: MessageFile = part_of(
        read_sentence(MessageFile, node, reader, place="a message file")
    )
    return sound_words(settings)


def _template(path: str, file: str, text: str, reader: Reader) -> Template | None:
    parts = _name_parts(path, file, reader)
    if parts is None:
        return None
    channel, locale, format = parts
    front, body, body_line = _split_front(text)
    words = _front_matter(path, front, reader)
    if body is None:
        message = "the front matter is never closed"
        reader.report(Mark(path, 1, 1, 3), "CLM100", message, help="end it with a line ---")
        return None
    return Template(
        path=path,
        channel=channel,
        locale=locale,
        format=format,
        subject=words.subject if words else None,
        preheader=words.preheader if words else None,
        body=body,
        body_line=body_line,
        marks=words.marks if words else {},
    )


def _name_parts(path: str, file: str, reader: Reader) -> tuple[str, str | None, str] | None:
    mark = Mark(path, 1, 1)
    parts = file.split(".")
    if "/" in file or parts[-1] != "j2" or len(parts) not in (3, 4):
        reader.report(
            mark,
            "CLM119",
            f'"{file}" is no file of a message',
            help=f"a message holds {SETTINGS} and templates called {_FORM}",
        )
        return None
    channel, locale, format = parts[0], parts[1] if len(parts) == 4 else None, parts[-2]
    if channel not in CHANNELS:
        help = suggest(channel, CHANNELS, lead="channels are")
        reader.report(mark, "CLM119", f'unknown channel "{channel}" in the file name', help=help)
        return None
    formats = CHANNELS[channel].formats
    if format not in formats:
        help = f"for {channel} you can use: {', '.join(formats)}"
        reader.report(mark, "CLM119", f'"{format}" is no format of {channel}', help=help)
        return None
    if locale is not None and not _LOCALE.match(locale):
        help = "write it like id, id-ID or zh-Hant-TW"
        reader.report(mark, "CLM119", f'"{locale}" in the file name is no locale', help=help)
        return None
    return channel, locale, format


def _one_body_each(templates: list[Template], reader: Reader) -> None:
    seen: dict[tuple[str, str | None], Template] = {}
    for template in templates:
        if template.format not in ("html", "md"):
            continue
        other = seen.setdefault((template.channel, template.locale), template)
        if other is not template:
            message = f"this message already has the body {other.path}"
            reader.report(Mark(template.path, 1, 1), "CLM119", message, help="keep one of them")


def _split_front(text: str) -> tuple[str | None, str | None, int]:
    """Return (front matter, body, line on which the body begins); body None: never closed."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        return None, text, 1
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == "---":
            return "\n".join(lines[1:number]), "\n".join(lines[number + 1 :]), number + 2
    return None, None, 1


def _front_matter(path: str, text: str | None, reader: Reader) -> FrontMatter | None:
    if text is None or not text.strip():
        return None
    node = read_yaml(text + "\n", path, reader.problems, line=2, holds="subject: Welcome")
    if not isinstance(node, MapNode):
        if node is not None:
            reader.report(node.mark, "CLM106", "front matter is a mapping such as {subject: …}")
        return None
    words: FrontMatter = part_of(read_sentence(FrontMatter, node, reader, place="front matter"))
    return sound_words(words)
