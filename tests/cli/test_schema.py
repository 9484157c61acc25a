"""``clmctl schema`` writes the schemas of this version, and says when they are stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.cli.shell import answer


@pytest.fixture
def project(tmp_path: Path) -> Path:
    playbooks = tmp_path / "playbooks"
    playbooks.mkdir()
    (playbooks / "project.yaml").write_text("project: shop\ntimezone: UTC\n", "utf-8")
    (playbooks / "catalog.yaml").write_text("events: {order_paid: {}}\n", "utf-8")
    return tmp_path


def test_schemas_are_stale_until_they_are_written(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(["schema", "--check", "--project", str(project)]) == 1
    assert "schemas/flow.schema.json" in capsys.readouterr().out
    assert not (project / "schemas").exists()

    assert answer(["schema", "--project", str(project)]) == 0
    assert answer(["schema", "--check", "--project", str(project)]) == 0


def test_the_catalog_is_part_of_the_schemas_if_asked(project: Path) -> None:
    assert answer(["schema", "--with-catalog", "--project", str(project)]) == 0
    assert '"order_paid"' in (project / "schemas" / "flow.schema.json").read_text("utf-8")

    (project / "playbooks" / "catalog.yaml").write_text("events: {order_sent: {}}\n", "utf-8")
    assert answer(["schema", "--with-catalog", "--check", "--project", str(project)]) == 1


def test_names_of_a_broken_catalog_still_count(project: Path) -> None:
    catalog = project / "playbooks" / "catalog.yaml"
    catalog.write_text("events: {order_paid: {}}\nattributes: {x: nonsense}\n", "utf-8")

    assert answer(["schema", "--with-catalog", "--project", str(project)]) == 0
    assert '"order_paid"' in (project / "schemas" / "flow.schema.json").read_text("utf-8")


def test_no_project_is_a_usage_error(tmp_path: Path) -> None:
    assert answer(["schema", "--project", str(tmp_path)]) == 2
