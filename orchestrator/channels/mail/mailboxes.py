"""Mails out of files: one in a file, many in an mbox, one in each file of a Maildir or folder."""

from __future__ import annotations

import mailbox
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from orchestrator.channels.mail.incoming import LONGEST

_DRAIN = 2**20


def mails_in(path: Path) -> Iterator[bytes]:
    """Yield the mails of a path, each as far as it is looked at; nothing is changed there.

    A folder with ``new`` or ``cur`` in it is a Maildir; of another one each file is a mail, those
    that begin with a dot left out. A file that begins with ``From `` is an mbox.

    Raises:
        OSError: it cannot be read.
    """
    if path.is_dir():
        for file in sorted(_files(path)):
            yield from _mails_of(file)
    else:
        yield from _mails_of(path)


def one_mail(stream: BinaryIO) -> bytes:
    """Return the mail that is piped in; reads it to its end, for the writer waits for that."""
    octets = stream.read(LONGEST)
    while stream.read(_DRAIN):
        pass
    return octets


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder that are mails; of a Maildir those that were delivered."""
    maildir = [folder / name for name in ("new", "cur") if (folder / name).is_dir()]
    for place in maildir or [folder]:
        yield from (one for one in place.iterdir() if one.is_file() and one.name[0] != ".")


def _mails_of(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as stream:
            octets = stream.read(LONGEST)
    except FileNotFoundError:
        return  # the mail programme has moved it meanwhile
    if not octets.startswith(b"From "):
        yield octets
        return
    box = mailbox.mbox(file, create=False)
    try:
        for key in box.iterkeys():
            with box.get_file(key) as stream:
                yield stream.read(LONGEST)
    finally:
        box.close()
