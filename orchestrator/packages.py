"""What installed packages bring, by entry points: nothing is imported before it is asked for."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from orchestrator.errors import EnvironmentFault

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


@cache
def _points(group: str, path: tuple[str, ...]) -> dict[str, tuple[EntryPoint, ...]]:
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow; few projects ask

    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in sorted(entry_points(group=group), key=lambda point: point.name):
        found[point.name] = (*found.get(point.name, ()), point)
    return found


@dataclass(frozen=True)
class Brought:
    """What packages bring under one group of entry points."""

    group: str
    noun: str
    """What one of them is called in sentences: ``condition``, ``adapter``."""

    def names(self) -> list[str]:
        """Return the names that installed packages bring, sorted."""
        return list(self._named())

    def package_of(self, name: str) -> str:
        """Return who brings a name: ``churn-conditions 1.2``; '' if nobody does."""
        dists = [point.dist for point in self._named().get(name, ())]
        return " and ".join(f"{dist.name} {dist.version}" for dist in dists if dist is not None)

    def load(self, name: str) -> Any:
        """Return what a name stands for, importing its package.

        Raises:
            EnvironmentFault: no package brings it, several do, or it cannot be loaded.
        """
        points = self._named().get(name, ())
        if not points:
            raise EnvironmentFault(f'no installed package brings the {self.noun} "{name}"')
        if len(points) > 1:
            several = self.package_of(name)
            raise EnvironmentFault(f'several packages bring the {self.noun} "{name}": {several}')
        try:
            return points[0].load()
        except (Exception, SystemExit) as error:
            raise self.fault(name, f"cannot be loaded: {said(error)}") from error

    def fault(self, name: str, what: str) -> EnvironmentFault:
        """Return the sentence about a package that brings something that does not do."""
        package = self.package_of(name)
        return EnvironmentFault(f'the {self.noun} "{name}" of the package {package} {what}')

    def _named(self) -> dict[str, tuple[EntryPoint, ...]]:
        return _points(self.group, tuple(sys.path))


def said(error: BaseException) -> str:
    """Return an exception as one short line."""
    lines = str(error).strip().splitlines()
    first = "".join(one if one.isprintable() else " " for one in lines[0][:200]) if lines else ""
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def a(cls: type) -> str:
    """Return the name of a class with its article: ``a dict``, ``an int``."""
    return f"{'an' if cls.__name__[0].lower() in 'aeiou' else 'a'} {cls.__name__}"
