"""Secrets: named in ``channels.yaml``, kept elsewhere, and never shown."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from orchestrator.errors import EnvironmentFault
from orchestrator.language.marks import Mark

SecretForm = Literal["token", "text", "lines"]
"""What a secret may hold: printable ASCII, which any header takes; printable signs of any script;
lines, as a key in PEM has them."""
_QUOTES = re.compile("[\u2018-\u201f\u2032\u2033\u00ab\u00bb]")
"""What a word processor makes of plain quotes."""
_LARGEST = 64 * 1024
"""Octets of a file that holds one secret; a private key has 2 to 12 thousand."""


@dataclass(frozen=True)
class Secret:
    """Where a secret is kept; its text only once the adapter was opened.

    Neither ``repr`` nor ``str``, and no exception of this module, says the text.
    """

    source: Literal["env", "file"]
    name: str
    """The variable, or the file, relative to the project's folder."""
    mark: Mark = field(compare=False, repr=False)
    form: SecretForm = field(default="token", compare=False, repr=False)
    _text: str | None = field(default=None, compare=False, repr=False)

    def reveal(self) -> str:
        """Return the secret's text. Pass it on to the provider, and nowhere else.

        Raises:
            RuntimeError: the settings were not opened: ``Route.open`` and the tests' kit do that.
        """
        if self._text is None:
            raise RuntimeError(f"the secret {self} was not read: its adapter is not open")
        return self._text

    def opened(self, folder: Path) -> Secret:
        """Return the secret with its text.

        Args:
            folder: where relative paths begin.
        Raises:
            EnvironmentFault: it is not there, or empty, or holds what no provider can have meant.
                Names where it is asked for.
        """
        text = self._variable() if self.source == "env" else self._file(folder)
        wrong = wrong_with_text(text, self.form)
        if wrong is not None:
            place = f"the variable {self.name}"
            place = place if self.source == "env" else f"the file {folder / self.name}"
            raise self.fault(f"{place} {wrong}", "cannot be used")
        return replace(self, _text=text)

    def _variable(self) -> str:
        text = os.environ.get(self.name, "")
        if not text:
            raise self.fault(f"the variable {self.name} is not set")
        return text

    def _file(self, folder: Path) -> str:
        path = folder / self.name
        try:
            with path.open("rb") as file:
                content = file.read(_LARGEST + 1)
            text = re.sub(r"\r?\n\Z", "", content.decode("utf-8-sig"))
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise self.fault(f"the file {path} cannot be read: {reason}") from None
        except UnicodeDecodeError:
            raise self.fault(f"the file {path} is no text") from None
        if not text.strip("\r\n") or len(content) > _LARGEST:
            size = "is empty" if len(content) <= _LARGEST else "is larger than 64 KiB"
            raise self.fault(f"the file {path} {size}")
        return text

    def fault(self, what: str, problem: str = "is missing") -> EnvironmentFault:
        """Return the fault of a secret that is as ``what`` says, with where it is asked for.

        Args:
            what: a sentence that holds nothing of its text.
        """
        place = f"{self.mark.path}:{self.mark.line}:{self.mark.column}"
        return EnvironmentFault(f"a secret {problem}: {what}", help=f"{place} asks for {self}")

    def __reduce__(self) -> tuple[type[Secret], tuple[str, str, Mark, SecretForm]]:
        """Let settings be copied and sent elsewhere; the text stays here.

        Raises:
            TypeError: the secret was opened.
        """
        if self._text is not None:
            raise TypeError("an opened secret is never written down")
        return Secret, (self.source, self.name, self.mark, self.form)

    def __str__(self) -> str:
        return f"{self.source}:{self.name}"


def wrong_with_text(text: str, form: SecretForm) -> str | None:
    """Return what a secret's text holds that it must not, without any of it; None if nothing.

    That is mostly what an editor or a clipboard has added. No provider would let us in with it,
    and some of it no header can carry.
    """
    if "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        return "is no text"
    if form == "lines":
        return None
    found = (
        ("a byte order mark", "\ufeff" in text),
        ("a line break", "\n" in text or "\r" in text),
        ("a tab", "\t" in text),
        ("typographic quotes instead of plain ones", _QUOTES.search(text)),
        ("a blank that is no plain one", any(one.isspace() and one != " " for one in text)),
        ("a control character", not text.isprintable()),
        ("a sign that is not in ASCII", form == "token" and not text.isascii()),
    )
    first = next((what for what, is_so in found if is_so), None)
    if first is not None:
        return f"holds {first}"
    return "begins or ends with a blank" if text != text.strip() else None
