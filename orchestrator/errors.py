"""What can go wrong for a caller, one class per reaction. The docstring is the message."""

from __future__ import annotations

from typing import ClassVar


class OrchestratorError(Exception):
    """Something went wrong."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str | None = None, *, help: str | None = None) -> None:
        super().__init__(message or type(self).__doc__ or "")
        self.help = help


class UsageError(OrchestratorError):
    """The command cannot be understood."""

    exit_code = 2


class RefusedError(OrchestratorError):
    """A guardrail, or the state of what was asked for, refused to go on."""

    exit_code = 4


class EnvironmentFault(OrchestratorError):
    """The database, the disk or a file is not as it must be."""

    exit_code = 5


class NotNow(OrchestratorError):
    """It cannot be done now: whoever asked keeps what they brought, and brings it again.

    The exit code is ``EX_TEMPFAIL``, by which mail servers keep a mail that they pipe into us.
    """

    exit_code = 75


class NotFoundError(OrchestratorError):
    """There is no such thing."""
