"""Rules of meaning: what is well formed and still cannot be meant, one module per rule.

A rule is a module ``clm4xx.py`` of this package with one function::

    def check(playbook: Playbook) -> Iterator[Problem]: ...

It is found by being there. A rule may be asked about a playbook whose broken parts were
left out, so it must not assume that every name it meets is defined.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator

from orchestrator.language.marks import Problem
from orchestrator.playbook.model import Playbook

Rule = Callable[[Playbook], Iterable[Problem]]


def _discover() -> dict[str, Rule]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = {name: importlib.import_module(f"{__name__}.{name}") for name in names}
    return {name: module.check for name, module in modules.items() if hasattr(module, "check")}


RULES: dict[str, Rule] = _discover()
"""Module name → its ``check``."""


def run_rules(playbook: Playbook) -> Iterator[Problem]:
    """Yield what every rule finds in a playbook."""
    for rule in RULES.values():
        yield from rule(playbook)
