"""Secrets: named in ``channels.yaml``, kept elsewhere, and never shown."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from orchestrator.errors import EnvironmentFault
from orchestrator.language.marks import Mark

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
            EnvironmentFault: it is not there, or empty. Names where it is asked for.
        """
        text = self._variable() if self.source == "env" else self._file(folder)
        return replace(self, _text=text)

    def _variable(self) -> str:
        text = os.environ.get(self.name, "")
        if not text:
            raise self._fault(f"the variable {self.name} is not set")
        return text

    def _file(self, folder: Path) -> str:
        path = folder / self.name
        try:
            with path.open("rb") as file:
                content = file.read(_LARGEST + 1)
            text = content.decode().rstrip("\r\n")
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise self._fault(f"the file {path} cannot be read: {reason}") from None
        except UnicodeDecodeError:
            raise self._fault(f"the file {path} is no text") from None
        if not text or len(content) > _LARGEST:
            size = "is empty" if not text else "is larger than 64 KiB"
            raise self._fault(f"the file {path} {size}")
        return text

    def _fault(self, what: str) -> EnvironmentFault:
        place = f"{self.mark.path}:{self.mark.line}:{self.mark.column}"
        return EnvironmentFault(f"a secret is missing: {what}", help=f"{place} asks for {self}")

    def __reduce__(self) -> tuple[type[Secret], tuple[str, str, Mark]]:
        """Let settings be copied and sent elsewhere; the text stays here.

        Raises:
            TypeError: the secret was opened.
        """
        if self._text is not None:
            raise TypeError("an opened secret is never written down")
        return Secret, (self.source, self.name, self.mark)

    def __str__(self) -> str:
        return f"{self.source}:{self.name}"
