"""The playbooks a running scheduler decides by: the files, or the last release that was good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from orchestrator.counting import counted
from orchestrator.errors import UsageError
from orchestrator.language.marks import Mark
from orchestrator.playbook.check import check
from orchestrator.playbook.files import include_file, included_paths, read_files
from orchestrator.playbook.load import Loaded, fingerprint
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.refusal import PlaybookErrors
from orchestrator.playbook.report import headline
from orchestrator.scheduler.events import Happened, Tell
from orchestrator.tick.releases import latest_release, recorded_playbook


@dataclass
class PlaybookFiles:
    """The project's files, read again when they change.

    Files that do not load never stop what runs: the playbook that was good stays, and that is
    said once for each change.
    """

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    playbook: Playbook | None = None
    """What is decided by now."""
    is_stale: bool = False
    """Whether the files do not load, and the last good release decides instead."""
    _seen: tuple[str, tuple[str, ...]] | None = field(default=None, repr=False)
    _included: tuple[str, ...] = field(default=(), repr=False)
    """The files outside ``playbooks/`` that were part of it when it was last read."""

    def current(self, engine: Engine, tell: Tell) -> Playbook:
        """Return the playbook to decide by.

        Raises:
            PlaybookErrors: the files do not load and no release was ever recorded.
            UsageError: the same, of files or variables that cannot be understood at all.
        """
        try:
            mark = self._mark()
            if self.playbook is not None and mark == self._seen:
                return self.playbook
            loaded = check(self.folder, self.variables)
            self._included = included_paths(loaded.texts)
            mark = self._mark() if self._included else mark
            refusal: PlaybookErrors | UsageError | None = None
            if loaded.playbook is None:
                refusal = PlaybookErrors(loaded)
        except UsageError as error:
            mark, loaded, refusal = ("", ()), Loaded(None, ()), error
            if self.playbook is not None and mark == self._seen:
                return self.playbook
        if refusal is None and loaded.playbook is not None:
            self._take(loaded.playbook, tell)
        else:
            assert refusal is not None
            self._keep_the_last(engine, refusal, tell)
        self._seen = mark
        assert self.playbook is not None
        return self.playbook

    def _mark(self) -> tuple[str, tuple[str, ...]]:
        """Return what differs as soon as any of the files does."""
        files = read_files(self.folder)
        for name in self._included:
            include_file(files, name, Mark(name, 1, 1))
        others = (f"{path} {stamp}" for path, stamp in files.others.items())
        return fingerprint(files.all()), tuple(sorted((*files.unreadable, *others)))

    def _take(self, playbook: Playbook, tell: Tell) -> None:
        known = self.playbook is not None and self.playbook.fingerprint == playbook.fingerprint
        if not known or self.is_stale:
            tell(
                Happened(
                    "playbooks_loaded",
                    f"the playbooks are loaded: {counted(len(playbook.flows), 'flow')}, "
                    f"release {playbook.fingerprint[:12]}",
                    facts={"release": playbook.fingerprint, "flows": len(playbook.flows)},
                )
            )
        self.playbook, self.is_stale = playbook, False

    def _keep_the_last(
        self, engine: Engine, refusal: PlaybookErrors | UsageError, tell: Tell
    ) -> None:
        kept = self.playbook or self._recorded(engine)
        if kept is None:
            raise refusal
        self.playbook, self.is_stale = kept, True
        problems = refusal.problems if isinstance(refusal, PlaybookErrors) else ()
        first = headline(problems[0]) if problems else str(refusal)
        errors = max(1, len(problems))
        tell(
            Happened(
                "playbooks_refused",
                f"THE PLAYBOOKS DO NOT LOAD ({counted(errors, 'error')}, first: {first}). "
                f"The last good release {kept.fingerprint[:12]} goes on; clmctl check shows all",
                "error",
                {
                    "release": kept.fingerprint,
                    "errors": errors,
                    "codes": sorted({problem.code for problem in problems}),
                },
            )
        )

    def _recorded(self, engine: Engine) -> Playbook | None:
        with engine.connect() as connection:
            latest = latest_release(connection)
            return recorded_playbook(connection, latest) if latest else None
