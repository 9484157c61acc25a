"""Who follows ``docs/own_channel.md`` to the letter has a channel that works."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "own_channel.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "pigeon_channel"
_PIECE = re.compile(
    r"(?:^`(?P<path>[\w./-]+)`:\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE
)
_PORT = re.compile(r"(?<!\d)8765(?!\d)")
"""Taken by somebody else, perhaps."""


def pieces() -> list[tuple[str | None, str, str]]:
    """Return (path or None, kind, text) of each block, in order."""
    return [(one["path"], one["kind"], one["text"]) for one in _PIECE.finditer(PAGE)]


def test_the_page_shows_the_example_as_it_is() -> None:
    shown = {
        path: text for path, _, text in pieces() if path and path.startswith("pigeon_channel/")
    }

    assert shown == {
        f"pigeon_channel/{name}": (EXAMPLE / name).read_text(encoding="utf-8")
        for name in ("pyproject.toml", "pigeon_channel.py", "test_pigeon_channel.py")
    }


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def environment(folder: Path) -> dict[str, str]:
    """Return an environment in which ``pip install`` installs into a folder of its own."""
    installed = folder / "installed"
    kept = {
        name: text for name, text in os.environ.items() if not name.startswith(("CLM_", "PIP_"))
    }
    return {
        **kept,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(installed), str(ROOT)]),
        "PIP_TARGET": str(installed),
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PYTEST_ADDOPTS": f"--basetemp={folder / 'basetemp'} -p no:cacheprovider",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_COLOR": "1",
        "COLUMNS": "120",
    }


@pytest.mark.slow
def test_who_follows_the_page_sends_a_pigeon(tmp_path: Path) -> None:
    port, here = free_port(), tmp_path / "desk"
    here.mkdir()
    script = ["set -e", 'trap "kill %% 2>/dev/null || true" EXIT', f'cd "{here}"']
    for path, kind, written in pieces():
        text = _PORT.sub(port, written)
        if path is not None:
            target = f'"{here}/{path}"'
            script += [
                f"mkdir -p $(dirname {target})",
                f"cat > {target} <<'THE_END'\n{text}THE_END",
            ]
        elif kind == "console":
            script += [f"echo '$ {line}'; {line}" for line in text.splitlines()]

    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        env=environment(tmp_path),
        text=True,
        capture_output=True,
        timeout=300,
        check=False,
    )

    told = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, told
    assert "no problems" in told
    assert "pigeon  pigeon  playbooks/channels.yaml:3" in done.stdout
    assert "secrets: env:LOFT_KEY set" in done.stdout
    assert "accepted: id provider-1" in done.stdout
    assert re.search(r"pigeons/coming_home +pigeon +sent", done.stdout)
    assert "coo-coo" not in done.stdout.replace("LOFT_KEY=coo-coo", "")
    arrived = (here / "loft.txt").read_text(encoding="utf-8")
    assert arrived.count("POST /flights") == 2
    assert '"to":"+4366098765432","text":"Hello Ayu, a pigeon is on its way."' in arrived
    assert re.search(r'"key":"[A-Z2-7]{40}"', arrived)
