"""Puts a new project into a folder: all of it, or nothing."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from orchestrator.errors import EnvironmentFault, RefusedError
from orchestrator.scaffold.sources import Files, project_files

_MAY_BE_THERE = frozenset({".git"})


def start_project(folder: Path, template: str, lifecycle: str) -> Files:
    """Write a new project and return its files: path below the folder → text.

    Args:
        folder: made if it is not there; a bare ``git init`` is fine.
    Raises:
        RefusedError: something is there already.
        EnvironmentFault: the folder cannot be written.
    """
    written = project_files(template, lifecycle)
    try:
        _refuse_occupied(folder)
        _write_at_once(folder, written)
    except OSError as error:
        reason = error.strerror or str(error)
        raise EnvironmentFault(f"cannot write {folder}: {reason}") from error
    return written


def _refuse_occupied(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise RefusedError(f"{folder} is a file", help="name a new or empty folder")
    present = {item.name for item in folder.iterdir()} if folder.is_dir() else set()
    if present - _MAY_BE_THERE:
        first = min(present - _MAY_BE_THERE)
        raise RefusedError(
            f"{folder} is not empty: it has {first}", help="name a new or empty folder"
        )


def _write_at_once(folder: Path, written: Files) -> None:
    """Write beside the folder first, so that a full disk leaves nothing half-made."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".clmctl-init-", dir=folder.resolve().parent))
    try:
        for path, text in written.items():
            target = draft / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="\n")
        folder.mkdir(exist_ok=True)
        for item in sorted(draft.iterdir()):
            item.rename(folder / item.name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
