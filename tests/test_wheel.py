"""A wheel has all that is used when it runs: nothing is read from beside the sources."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from orchestrator.scaffold.sources import project_files

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


def run(*words: str | Path, cwd: Path) -> str:
    """Return what a command prints; it must end well, and sees nothing of this checkout."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("CLM_")}
    env.pop("PYTHONPATH", None)
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as a user would, with the build tools of the environment."""
    out = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", ROOT)
    run(*pip, "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", out, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def clmctl(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of an environment that has the wheel, and sees the installed dependencies."""
    fresh = tmp_path_factory.mktemp("fresh")
    run(sys.executable, "-m", "venv", "--without-pip", fresh, cwd=fresh)
    (site,) = fresh.glob("lib/python*/site-packages")
    # what a .pth leads to has no say of its own, so this checkout stays unseen
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    pip = (sys.executable, "-m", "pip", "--python", fresh / "bin" / "python")
    run(*pip, "install", "--no-deps", "--no-index", "--quiet", wheel, cwd=fresh)
    return fresh / "bin" / "clmctl"


def test_the_wheel_has_every_file_of_the_package_and_of_the_example_programme(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    own = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "orchestrator").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    shop = {
        f"orchestrator/scaffold/shop/{path.relative_to(ROOT).as_posix()}"
        for folder in ("playbooks", "templates", "tests/playbooks")
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
    }
    assert own | shop <= packed
    assert not any(name.startswith(("tests/", "docs/", "schemas/")) for name in packed)


def test_an_installed_clmctl_starts_loads_and_previews_the_sample_shop(
    clmctl: Path, tmp_path: Path
) -> None:
    run(clmctl, "init", "shop", cwd=tmp_path)
    shop = tmp_path / "shop"
    written = {
        path.relative_to(shop).as_posix(): path.read_text("utf-8")
        for path in shop.rglob("*")
        if path.is_file()
    }
    assert written == project_files("shop", "ecommerce")
    run(clmctl, "check", "--fail-on", "warning", cwd=shop)
    run(clmctl, "demo", cwd=shop)
    preview = run(clmctl, "run", "--dry-run", "--at", "2026-03-02T10:00", cwd=shop)
    assert "win_back" in preview


def test_every_verb_of_an_installed_clmctl_tells_its_help(clmctl: Path, tmp_path: Path) -> None:
    assert "Usage" in run(clmctl, "--help", cwd=tmp_path)
    run(clmctl, "init", "blank", "--template", "blank", cwd=tmp_path)
    run(clmctl, "schema", cwd=tmp_path / "blank")
    run(clmctl, "db", "upgrade", cwd=tmp_path / "blank")
