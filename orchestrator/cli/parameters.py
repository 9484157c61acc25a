"""Turn the words of a command line into values, without pydantic.

Typer does it through pydantic, whose import alone costs as much as the whole of
``clmctl check``. The verbs take only text, paths, whole numbers and lists of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_origin

import typer


class Plain:
    """Reads one parameter's words; stands where Typer keeps its own way of reading."""

    def __init__(self, read: Callable[[str], Any]) -> None:
        self.read = read

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the value of a parameter that was given as these words.

        Raises:
            BadParameter: a word is not what the parameter takes.
        """
        several = param.multiple or param.nargs == -1
        if value is None:
            return () if several else None
        try:
            return [self.read(word) for word in value] if several else self.read(value)
        except ValueError as error:
            raise typer.BadParameter(str(error), ctx=ctx, param=param) from None


def read_plainly(params: list[Any]) -> list[Any]:
    """Let every parameter of a simple type be read here; return them all."""
    for param in params:
        descriptor = getattr(param, "type_descriptor", None)
        if descriptor is None:
            continue
        annotation = descriptor.annotation
        inner = get_args(annotation)[0] if get_origin(annotation) is list else annotation
        reader = READERS.get(inner)
        if reader is not None:
            param._runtime_param = Plain(reader(param))  # Typer has no other seam
    return params


def _whole_number(param: Any) -> Callable[[str], int]:
    def read(word: str | int) -> int:
        try:
            number = int(word)
        except ValueError:
            raise ValueError(f'"{word}" is not a whole number') from None
        if param.min is not None and number < param.min:
            raise ValueError(f"{number} is less than {param.min}")
        if param.max is not None and number > param.max:
            raise ValueError(f"{number} is more than {param.max}")
        return number

    return read


READERS: dict[Any, Callable[[Any], Callable[[Any], Any]]] = {
    str: lambda _param: str,
    Path: lambda _param: Path,
    int: _whole_number,
    bool: lambda _param: bool,
}
