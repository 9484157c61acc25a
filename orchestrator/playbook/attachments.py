"""``attachments``: files that go with a message's mails.

A path is relative to the message's folder or, if it begins with ``_attachments/``, to
``templates/``. What is attached never lies elsewhere, by no spelling and by no link; its kind
goes by a closed list of endings, and what a message brings is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256

from orchestrator.channels.spec import CHANNELS
from orchestrator.language.marks import Mark
from orchestrator.language.names import Name
from orchestrator.language.reader import Reader, suggest
from orchestrator.playbook.files import ATTACHMENTS, TEMPLATES, Content, ProjectFiles
from orchestrator.playbook.model import AttachedFile, Message, Playbook

LARGEST = 2_000_000
"""Octets of all that one message attaches; base64 makes a third more of them."""
LONGEST_NAME = 120
"""Octets of a file's name."""
CONTENT_TYPES = {
    "csv": "text/csv",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "gif": "image/gif",
    "ics": "text/calendar",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "pdf": "application/pdf",
    "pkpass": "application/vnd.apple.pkpass",
    "png": "image/png",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "txt": "text/plain",
    "vcf": "text/vcard",
    "webp": "image/webp",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""Ending → type of what may be attached: nothing that runs, and no archive that may hide it."""
Wrong = tuple[str, str | None]
"""A message and what helps."""


def attachments_of(playbook: Playbook, message: str, channel: str) -> tuple[AttachedFile, ...]:
    """Return the files that go with a message on a channel; none where it carries none."""
    known, spec = playbook.messages.get(message), CHANNELS.get(channel)
    return known.attachments if known and spec and spec.attachments else ()


def with_attachments(
    message: Message, beside: Iterable[str], files: ProjectFiles, reader: Reader
) -> Message:
    """Return a message with the files that it attaches; what is wrong with any is reported.

    Args:
        beside: the paths of what lies in its folder and is no text.
    """
    found: dict[str, AttachedFile] = {}
    named = set()
    for written in message.settings.attachments or ():
        path = _path(message.name, written)
        named.add(path)
        one = _attached(message.name, written, files)
        wrong = one if isinstance(one, tuple) else _wrong_beside(one, found.values())
        if isinstance(one, AttachedFile) and wrong is None:
            found[path] = one
        elif wrong is not None:
            reader.report(written.mark, "CLM515", wrong[0], help=wrong[1])
    if found and message.templates and not _is_carried(message):
        reader.report(
            message.settings.mark_at("attachments"),
            "CLM516",
            f'the message "{message.name}" is never sent by e-mail: nobody gets its attachments',
            help="add email.md.j2, or remove them",
            severity="warning",
        )
    if not message.settings.unread:
        _refuse_strays(message.name, sorted(set(beside) - named), reader)
    return replace(message, attachments=tuple(found.values()))


def read_content(files: ProjectFiles, path: str) -> Content | Wrong:
    """Read a file that is attached, once; returns what is wrong if it cannot be."""
    if path in files.attached:
        return files.attached[path]
    if files.root is None:
        return f"there is no file {path}", None
    place = files.root / path
    try:
        if not place.resolve(strict=True).is_relative_to((files.root / TEMPLATES).resolve()):
            return f"{path} is a link that leads out of {TEMPLATES}/", "copy the file instead"
        if not place.is_file():
            return f"{path} is no file", None
        with place.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "its links lead round in circles"
        return f"{path} cannot be read: {reason}", None
    if len(content) > LARGEST:
        return f"{path} is larger than {_SIZE}", _SMALLER
    if not content:
        return f"{path} is empty", None
    files.attached[path] = Content(sha256(content).hexdigest(), len(content), content)
    return files.attached[path]


_SIZE = f"{LARGEST // 1_000_000} MB"
_SMALLER = "many mail servers refuse large mails; put the file on your site and link to it"


def _path(message: str, written: str) -> str:
    below = "" if written.startswith(f"{ATTACHMENTS}/") else f"{message}/"
    return f"{TEMPLATES}/{below}{written}"


def _attached(message: str, written: Name, files: ProjectFiles) -> AttachedFile | Wrong:
    parts = written.split("/")
    if "\\" in written or any(part in ("", ".", "..") or part[0] in ".~" for part in parts):
        return f'"{written[:60]}" is no path of a file in {TEMPLATES}/{message}/', _FROM_HERE
    ending = parts[-1].rpartition(".")[2]
    kind = CONTENT_TYPES.get(ending.lower())
    if kind is None or parts[-1] == ending:
        help = suggest(ending, CONTENT_TYPES, lead="files that can be attached end in")
        return f'"{written[:60]}" cannot be attached to a mail', help
    if len(parts[-1].encode()) > LONGEST_NAME:
        return f"the name of the file is longer than {LONGEST_NAME} octets", "rename it"
    path = _path(message, written)
    if path not in files.others:
        return f"there is no file {path}", suggest(
            written, _that_can_be(message, files), lead="there are"
        )
    content = read_content(files, path)
    if not isinstance(content, Content):
        return content
    return AttachedFile(parts[-1], path, kind, content.sha256, content.octets)


_FROM_HERE = (
    f"a path is relative to the message's folder, or begins with {ATTACHMENTS}/, "
    "for example: terms.pdf"
)


def _that_can_be(message: str, files: ProjectFiles) -> Iterator[str]:
    """Yield the files that a message could attach, as it would write them."""
    for path in sorted(files.others):
        below = path.removeprefix(f"{TEMPLATES}/")
        if path.rpartition(".")[2].lower() not in CONTENT_TYPES:
            continue
        if below.startswith((f"{message}/", f"{ATTACHMENTS}/")):
            yield below.removeprefix(f"{message}/")


def _wrong_beside(one: AttachedFile, others: Iterable[AttachedFile]) -> Wrong | None:
    """Return what is wrong with a file as one more of a message."""
    listed = list(others)
    if any(other.name == one.name for other in listed):
        return f'this message already attaches a file "{one.name}"', "keep one of them"
    if sum(other.octets for other in listed) + one.octets > LARGEST:
        return f"from here on the attachments are more than {_SIZE} together", _SMALLER
    return None


def _is_carried(message: Message) -> bool:
    return any(CHANNELS[one].attachments for one in message.channels())


def _refuse_strays(message: str, paths: Iterable[str], reader: Reader) -> None:
    for path in paths:
        file = path.removeprefix(f"{TEMPLATES}/{message}/")
        if file.rpartition(".")[2].lower() in CONTENT_TYPES:
            help = f"to send it, say attachments: [{file}] in message.yaml"
        else:
            help = (
                "a message holds message.yaml, what that attaches, and templates called "
                "<channel>[.<locale>].<format>.j2"
            )
        reader.report(Mark(path, 1, 1), "CLM119", f'"{file}" is no file of a message', help=help)
