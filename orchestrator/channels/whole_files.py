"""Files that appear whole or not at all, many at a time, on the disk before anybody is told."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_HALF_WRITTEN = (".clmctl-", ".part")
"""How the names of files begin and end whose content is on its way to the disk."""
_WRITERS = 8
"""Threads that wait for the disk together: a file system puts their waits into one."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder while files are written into it; several processes may.

    Whoever comes while nobody else holds it removes what killed runs left half-written.
    Where folders cannot be locked, nothing is removed.

    Raises:
        OSError: the folder cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as until_written:
        with suppress(ImportError, OSError):
            until_written.callback(os.close, _locked_after_sweeping(folder))
        yield


def _locked_after_sweeping(folder: Path) -> int:
    """Return a descriptor of the folder that holds a shared lock until it is closed."""
    from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock  # noqa: PLC0415  # not on every system

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(BlockingIOError):
            flock(descriptor, LOCK_EX | LOCK_NB)
            _sweep(folder)
        flock(descriptor, LOCK_SH)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def alone_in(folder: Path) -> Iterator[bool]:
    """Hold a folder for oneself, made if need be; False if somebody else has it just now.

    Where folders cannot be locked, everybody is alone.

    Raises:
        OSError: the folder cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield _is_alone(descriptor, folder)
    finally:
        os.close(descriptor)


def _is_alone(descriptor: int, folder: Path) -> bool:
    """Lock a folder if nobody has; whoever can removes what killed runs left half-written."""
    with suppress(ImportError, OSError):
        from fcntl import LOCK_EX, LOCK_NB, flock  # noqa: PLC0415  # not on every system

        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            return False
        _sweep(folder)
    return True


def _sweep(folder: Path) -> None:
    begin, end = _HALF_WRITTEN
    for abandoned in folder.glob(f"{begin}*{end}"):
        abandoned.unlink(missing_ok=True)


def write_whole(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder that is there; return when all of them are on the disk.

    Each appears whole or not at all. One that says the same already is left alone, but for
    that it reaches the disk too.

    Args:
        files: name → content.
    Raises:
        OSError: one cannot be written; others may be there.
    """
    with ThreadPoolExecutor(min(_WRITERS, len(files) or 1)) as writers:
        for done in [writers.submit(_write, folder / name, text) for name, text in files.items()]:
            done.result()
    if files:
        sync_folder(folder)


def _write(path: Path, content: bytes) -> None:
    with suppress(FileNotFoundError):
        if path.read_bytes() == content:
            _sync(path)
            return
    begin, end = _HALF_WRITTEN
    handle, temporary = tempfile.mkstemp(prefix=begin, suffix=end, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def probe(folder: Path) -> None:
    """Write into a folder that is there, and leave nothing.

    Raises:
        OSError: it cannot be written.
    """
    begin, end = _HALF_WRITTEN
    with tempfile.NamedTemporaryFile(prefix=begin, suffix=end, dir=folder) as file:
        file.write(b"1")


def sync_folder(folder: Path) -> None:
    """Let new names reach the disk, where folders can be synchronised."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
