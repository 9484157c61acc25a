"""What a part of a flow says, whatever it is written like: to see whether an edit changed it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

_SAYS_NOTHING = frozenset(("mark", "note"))


def meaning_of(value: Any) -> str:
    """Return a canonical text of steps, or of anything a flow is made of.

    Places, comments and notes leave no trace in it.
    """
    if isinstance(value, str):
        return repr(str(value))
    if dataclasses.is_dataclass(value):
        fields = (
            f"{field.name}={meaning_of(getattr(value, field.name))}"
            for field in dataclasses.fields(value)
            if field.compare
            and field.name not in _SAYS_NOTHING
            and getattr(value, field.name) is not None
        )
        return f"{type(value).__name__}({', '.join(fields)})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {meaning_of(item)}" for key, item in value.items()) + "}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(meaning_of, value))}]"
    return repr(value)
