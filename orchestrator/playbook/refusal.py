"""The exception for files that do not load, with every error in its place."""

from __future__ import annotations

from orchestrator.counting import counted
from orchestrator.errors import OrchestratorError
from orchestrator.playbook.load import Loaded
from orchestrator.playbook.report import human


class PlaybookErrors(OrchestratorError):
    """The playbooks have errors."""

    def __init__(self, loaded: Loaded) -> None:
        self.problems = tuple(one for one in loaded.problems if one.severity == "error")
        self.details = tuple(human(self.problems, loaded.texts))
        """Lines that show each error in its place, as ``clmctl check`` does."""
        self.fact = f"the playbooks have {counted(len(self.problems), 'error')}"
        """What is wrong alone, for those whom it does not stop."""
        super().__init__(
            f"{self.fact}, so nothing was done",
            help="clmctl check shows the same; clmctl explain CODE says more about one",
        )
