"""The files a new project is made from: path below the project → text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

import orchestrator
from orchestrator.playbook.schema import FOLDER, schema_texts

TEMPLATES = ("shop", "blank")
LIFECYCLES: dict[str, tuple[str, str]] = {
    "classic": ("purchase", "advocacy_and_retention"),
    "growth": ("activation", "retention"),
    "ecommerce": ("first_time_customer", "retained_customer"),
    "race": ("convert", "engage"),
    "attract-sell-wow": ("wow", "wow"),
    "relationship": ("customer", "kept_customer"),
}
"""Stage model → its names for the stages after the first and after the second order."""
SHOP_LIFECYCLE = "ecommerce"
"""The stage model that the shop template is written for."""

_SCAFFOLD = files("orchestrator.scaffold")
_STAGES = "playbooks/stages.yaml"
_CHANNELS = "playbooks/channels.yaml"
_HIDDEN = {
    "gitignore": ".gitignore",
    "vscode/settings.json": ".vscode/settings.json",
    "github/playbooks.yaml": ".github/workflows/playbooks.yaml",
}
"""Resource → file of a project; a wheel carries no dotted names."""
_KINDS = (".yaml", ".j2")

Files = dict[str, str]


def project_files(template: str, lifecycle: str) -> Files:
    """Return every file of a new project.

    Args:
        template: one of ``TEMPLATES``.
        lifecycle: one of ``LIFECYCLES``; flows of the template speak of its stages.
    """
    written = _shop() if template == "shop" else dict(_texts(_SCAFFOLD / "blank"))
    written |= {path: _renamed(text, lifecycle) for path, text in written.items()}
    written[_STAGES] = (_SCAFFOLD / "lifecycles" / f"{lifecycle}.yaml").read_text("utf-8")
    written[_CHANNELS] = _common("channels.yaml")
    written |= {path: _common(name) for name, path in _HIDDEN.items()}
    written |= {f"{FOLDER}/{name}": text for name, text in schema_texts().items()}
    return dict(sorted(written.items()))


def _shop() -> Files:
    """Return the example programme: packed into a wheel, or beside the sources."""
    packed = _SCAFFOLD / "shop"
    root = packed if packed.is_dir() else Path(orchestrator.__path__[0]).parent
    return {
        f"{folder}/{path}": text
        for folder in ("playbooks", "templates", "tests/playbooks")
        for path, text in _texts(root / folder)
    }


def _texts(folder: Traversable, below: str = "") -> Iterator[tuple[str, str]]:
    """Yield the playbook and template files under a folder, by path below it."""
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        path = f"{below}{item.name}"
        if item.is_dir():
            yield from _texts(item, f"{path}/")
        elif PurePosixPath(path).suffix in _KINDS:
            yield path, item.read_text("utf-8")


def _renamed(text: str, lifecycle: str) -> str:
    """Return a flow with the names that another stage model has for its stages."""
    for ours, theirs in zip(LIFECYCLES[SHOP_LIFECYCLE], LIFECYCLES[lifecycle], strict=True):
        text = re.sub(rf"(_stage: ){ours}\b", rf"\g<1>{theirs}", text)
    return text


def _common(name: str) -> str:
    return (_SCAFFOLD / "common" / name).read_text("utf-8")
