"""A process that foreign code forked must not go on with its parent's work.

What it has are copies: of the messages in hand, of open transactions, of the parent's name among
the workers. Were it to come back, it would send all of that a second time.
"""

from __future__ import annotations

import os

CAME_BACK = 70
"""How such a child ends. It runs nothing of its parent's on its way: no handlers, no flushing."""


def end_child(parent: int, whose: str) -> None:
    """Do nothing in the process ``parent``; in any other, say why on standard error, and end.

    Args:
        parent: the id that this process had before foreign code was called.
        whose: what was called, for people.
    """
    if os.getpid() == parent:
        return
    said = f"{whose} forked, and its child came back from the call: the child was ended\n"
    try:
        os.write(2, said.encode("utf-8", "replace"))
    finally:
        os._exit(CAME_BACK)
