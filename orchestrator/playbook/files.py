"""The files of a project, read once: playbooks, message folders, layouts and partials."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from orchestrator.errors import UsageError
from orchestrator.language.marks import Mark, Problem
from orchestrator.language.reader import suggest
from orchestrator.playbook.text import LARGEST_PLAYBOOK, LARGEST_TEMPLATE, decode

PLAYBOOKS, TEMPLATES = "playbooks", "templates"
LIBRARIES = ("_layouts", "_partials")
ATTACHMENTS = "_attachments"
"""The folder of files that several messages attach."""
YAML = (".yaml", ".yml")
_DEEPEST = 12


Stamp = tuple[int, int, int]
"""Size and times of a file: what differs as soon as its content does."""


class Content(NamedTuple):
    """What a file holds that is no text."""

    sha256: str
    """Hexadecimal."""
    octets: int
    content: bytes | None = None
    """None of a recorded release, which keeps what tells it from others."""

    @property
    def said(self) -> str:
        """What stands for it among the texts of a release."""
        return f"sha256: {self.sha256}\noctets: {self.octets}\n"


def content_said(text: str) -> Content:
    """Return what the text of a release says of a file."""
    lines = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    octets = lines.get("octets", "")
    return Content(lines.get("sha256", ""), int(octets) if octets.isdecimal() else 0)


@dataclass
class ProjectFiles:
    """Texts by path below the project (with ``/``), sorted; and what could not be read."""

    playbooks: dict[str, str] = field(default_factory=dict)
    templates: dict[str, str] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    """Paths that are there and hold no text we can use."""
    problems: list[Problem] = field(default_factory=list)
    others: dict[str, Stamp] = field(default_factory=dict)
    """Paths below ``templates/`` of what may be attached to messages, and is not read as text."""
    attached: dict[str, Content] = field(default_factory=dict)
    """Those of them that a message attaches."""
    root: Path | None = None
    """Where included files are found; None if all there is was read before."""

    def all(self) -> dict[str, str]:
        """Return every text by path, sorted; of an attached file what tells it from others."""
        attached = {path: content.said for path, content in self.attached.items()}
        return dict(sorted({**self.playbooks, **self.templates, **attached}.items()))


def files_of(texts: Mapping[str, str]) -> ProjectFiles:
    """Return texts that were read before, each in its place; the opposite of ``all``."""
    files = ProjectFiles()
    for path, text in texts.items():
        if _may_be_attached(path):
            files.attached[path] = content_said(text)
            files.others[path] = (0, 0, 0)
            continue
        kind = files.templates if path.startswith(f"{TEMPLATES}/") else files.playbooks
        kind[path] = text
    return files


def read_files(project: Path) -> ProjectFiles:
    """Read every file that can say something about the project.

    Raises:
        UsageError: the folder holds no playbooks.
    """
    root = project.resolve()
    if not (root / PLAYBOOKS).is_dir():
        raise UsageError(
            f"there is no folder {PLAYBOOKS}/ in {project}",
            help="say where the project is with --project, or start one with clmctl init",
        )
    files = ProjectFiles(root=root)
    for path in _walk(root / PLAYBOOKS, root, files):
        if path.name.endswith(YAML):
            _read(path, root, files, files.playbooks, LARGEST_PLAYBOOK)
    if (root / TEMPLATES).is_dir():
        for path in _walk(root / TEMPLATES, root, files):
            limit = LARGEST_PLAYBOOK if path.name.endswith(YAML) else LARGEST_TEMPLATE
            name = path.relative_to(root).as_posix()
            if _may_be_attached(name):
                files.others[name] = _stamp(path)
            elif path.name.endswith((".j2", *YAML)) or path.parent.name != TEMPLATES:
                _read(path, root, files, files.templates, limit)
    return files


def _may_be_attached(name: str) -> bool:
    """Return whether a file, by its path below the project, is none that is read as text."""
    top, _, below = name.partition("/")
    folder, slash, _ = below.partition("/")
    if top != TEMPLATES or not slash or folder in LIBRARIES:
        return False
    return folder == ATTACHMENTS or not name.endswith((".j2", *YAML))


def _stamp(path: Path) -> Stamp:
    try:
        said = path.stat()
    except OSError:
        return 0, 0, 0
    return said.st_size, said.st_mtime_ns, said.st_ctime_ns


def _walk(folder: Path, root: Path, files: ProjectFiles, depth: int = 0) -> Iterator[Path]:
    """Yield the files below a folder, sorted; hidden ones are nobody's business."""
    if folder.is_symlink() and not _inside(folder, root, files):
        return
    if depth > _DEEPEST:
        _refuse(files, folder, root, "the folders are nested too deep", None)
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        _refuse(files, folder, root, f"the folder cannot be read: {error.strerror}", None)
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path = Path(entry.path)
        if path.is_dir():  # a link that leads round in circles is none
            yield from _walk(path, root, files, depth + 1)
        else:
            yield path


def _inside(path: Path, root: Path, files: ProjectFiles) -> bool:
    wrong = _leads_out(path, root)
    if wrong is not None:
        _refuse(files, path, root, *wrong)
    return wrong is None


def _leads_out(link: Path, root: Path) -> tuple[str, str] | None:
    """Return (message, help) if a link does not lead to something inside the project."""
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):
        return "the link leads nowhere", "remove it or set it anew"
    if not target.is_relative_to(root):
        return "the link leads out of the project", "copy the file instead"
    return None


def _read(path: Path, root: Path, files: ProjectFiles, texts: dict[str, str], most: int) -> None:
    name = path.relative_to(root).as_posix()
    if path.is_symlink() and not _inside(path, root, files):
        return
    if not path.is_file():
        _refuse(files, path, root, "this is no file", "remove it")
        return
    try:
        with path.open("rb") as stream:
            content = stream.read(most + 1)
    except OSError as error:
        _refuse(files, path, root, f"the file cannot be read: {error.strerror}", None)
        return
    text = decode(content, name, largest=most)
    if isinstance(text, Problem):
        files.unreadable.add(name)
        files.problems.append(text)
    else:
        texts[name] = text


def _refuse(files: ProjectFiles, path: Path, root: Path, message: str, help: str | None) -> None:
    name = path.relative_to(root).as_posix()
    files.unreadable.add(name)
    files.problems.append(Problem(Mark(name, 1, 1), "CLM118", message, help))


# --- included files -------------------------------------------------------------------


def included_paths(texts: Iterable[str]) -> tuple[str, ...]:
    """Return which of the files of a project stand where only ``include`` finds them."""
    return tuple(path for path in texts if not path.startswith((f"{PLAYBOOKS}/", f"{TEMPLATES}/")))


FROM_HERE = "a path is relative to this file, for example: ../shared/segments.yaml"


def include_file(files: ProjectFiles, name: str, mark: Mark) -> Problem | None:
    """Read a file that another one includes; returns what is wrong, if anything.

    Args:
        name: its path below the project, normal and inside it by its spelling.
        mark: where it is included.
    """
    if name in files.playbooks:
        return None
    if files.root is None:
        return Problem(mark, "CLM245", f"there is no file {name}", FROM_HERE)
    path = files.root
    for part in name.split("/"):
        there = _names_in(path)
        if part not in there:
            meant = suggest(part, there, lead=f"in {_shown(path, files.root)} are")
            return Problem(
                mark, "CLM245", f"there is no file {name}", meant if there else FROM_HERE
            )
        path /= part
        if path.is_symlink() and (astray := _leads_out(path, files.root)):
            return Problem(mark, "CLM245", f"{name}: {astray[0]}", astray[1])
    before = len(files.problems)
    _read(path, files.root, files, files.playbooks, LARGEST_PLAYBOOK)
    wrong = files.problems.pop() if len(files.problems) > before else None
    if wrong is None or wrong.code != "CLM118":
        return wrong
    return Problem(mark, "CLM245", f"{name}: {wrong.message}", wrong.help)


def _names_in(folder: Path) -> list[str]:
    """Return the visible names in a folder as they are spelled there, sorted."""
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.name[0] != ".")
    except OSError:
        return []


def _shown(folder: Path, root: Path) -> str:
    return "the project" if folder == root else f"{folder.relative_to(root).as_posix()}/"
