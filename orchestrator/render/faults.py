"""Why a message could not be rendered: a closed list of codes."""

from __future__ import annotations

from typing import Literal, get_args

FailureCode = Literal[
    "undefined",  # the template prints something this customer or run does not have
    "value",  # a value cannot stand where the template puts it
    "header",  # subject, preheader or address is no single clean line
    "too_large",  # the message, a value or the work it takes passes a limit
    "template",  # the template itself is wrong; `clmctl check` says where
    "no_template",  # the message has no template for this channel and locale
    "empty",  # the template prints nothing for this customer
    "render_memory",  # rendering it takes more memory than a message may
    "render_time",  # or more time
    "render_crash",  # or brings the process down that renders
    "internal",  # a defect of this program, kept to one message
]
FAILURE_CODES: tuple[FailureCode, ...] = get_args(FailureCode)


class RenderError(Exception):
    """This message cannot be rendered. The text never holds customer data."""

    def __init__(self, code: FailureCode, message: str) -> None:
        super().__init__(message)
        self.code: FailureCode = code
        self.message = message
