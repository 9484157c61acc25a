"""What nobody could read: templates without content, and messages that came to nothing."""

from __future__ import annotations

import re

from jinja2 import nodes

_UNSEEN = re.compile(
    r"<!--.*?-->|<(head|style|script|title)\b.*?</\1\s*>|<(?!(?:img|svg|video|hr)\b)[^>]*>|&nbsp;|&#160;",
    re.IGNORECASE | re.DOTALL,
)
"""What of HTML shows nothing by itself."""
_BRINGS = (nodes.Include, nodes.Extends, nodes.CallBlock, nodes.FilterBlock)
"""Tags that may print something that stands elsewhere."""


def prints_nothing(tree: nodes.Template) -> bool:
    """Return whether a template can print nothing but white space, whoever it is for."""
    if next(tree.find_all(_BRINGS), None) is not None:
        return False
    parts = (part for output in tree.find_all(nodes.Output) for part in output.nodes)
    return all(isinstance(part, nodes.TemplateData) and _is_blank(part.data) for part in parts)


def shows_nothing(text: str, html: str | None) -> bool:
    """Return whether nobody would see anything of a message.

    Args:
        html: what most see instead of the text; None if there is none.
    """
    if html is None:
        return _is_blank(text)
    return _is_blank(html) or (_is_blank(text) and _is_blank(_UNSEEN.sub("", html)))


def _is_blank(text: str) -> bool:
    return not text or text.isspace()
