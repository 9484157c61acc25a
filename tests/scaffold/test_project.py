"""A new project is whole, valid and never put over something else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.errors import EnvironmentFault, RefusedError
from orchestrator.playbook.check import check
from orchestrator.scaffold.project import start_project
from orchestrator.scaffold.sources import LIFECYCLES, TEMPLATES

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("lifecycle", LIFECYCLES)
def test_new_project_loads_without_errors_or_warnings(
    tmp_path: Path, template: str, lifecycle: str
) -> None:
    start_project(tmp_path / "new", template, lifecycle)
    loaded = check(tmp_path / "new")

    assert loaded.problems == ()
    assert loaded.playbook is not None
    assert len(loaded.playbook.stages) >= 3


@pytest.mark.parametrize("template", TEMPLATES)
def test_flows_of_a_new_project_can_go_live_without_a_warning(
    tmp_path: Path, template: str
) -> None:
    written = start_project(tmp_path / "new", template, "ecommerce")
    flows = [path for path in written if path.startswith("playbooks/flows/")]
    for path in flows:
        live = written[path].replace("status: draft", "status: live")
        (tmp_path / "new" / path).write_text(live, encoding="utf-8")

    assert flows
    assert check(tmp_path / "new").problems == ()


def test_shop_template_is_the_example_programme(tmp_path: Path) -> None:
    written = start_project(tmp_path / "new", "shop", "ecommerce")
    shipped = [
        path
        for folder in ("playbooks", "templates")
        for path in sorted((REPOSITORY / folder).rglob("*"))
        if path.is_file()
    ]

    assert len(shipped) > 50
    for path in shipped:
        assert written[path.relative_to(REPOSITORY).as_posix()] == path.read_text("utf-8")


def test_flows_speak_of_the_stages_of_the_chosen_lifecycle(tmp_path: Path) -> None:
    written = start_project(tmp_path / "new", "shop", "growth")

    assert "starts_when: {enters_stage: activation}" in written["playbooks/flows/nurture.yaml"]
    assert "in_stage: retention," in written["playbooks/flows/nps_survey.yaml"]


def test_editor_settings_name_schemas_that_are_there(tmp_path: Path) -> None:
    written = start_project(tmp_path / "new", "blank", "classic")
    settings = json.loads(written[".vscode/settings.json"])

    assert all(name.removeprefix("./") in written for name in settings["yaml.schemas"])
    ignored = written[".gitignore"].splitlines()
    assert {".clm/", "outbox/", "secrets/", "*.rejects.csv"} <= set(ignored)


def test_modelines_name_schemas_that_are_there(tmp_path: Path) -> None:
    written = start_project(tmp_path / "new", "shop", "ecommerce")
    for path, text in written.items():
        if path.endswith(".yaml") and not path.startswith("."):
            schema = text.split("$schema=", 1)[1].split("\n", 1)[0]
            assert (tmp_path / "new" / path).parent.joinpath(schema).is_file(), path


def test_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(RefusedError, match=r"notes\.txt"):
        start_project(tmp_path, "blank", "classic")
    assert [item.name for item in tmp_path.iterdir()] == ["notes.txt"]


def test_fresh_git_repository_counts_as_empty(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    (folder / ".git").mkdir(parents=True)
    start_project(folder, "blank", "classic")

    assert (folder / "playbooks" / "project.yaml").is_file()
    assert [item.name for item in tmp_path.iterdir()] == ["new"]


def test_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("")

    with pytest.raises(RefusedError, match="is a file"):
        start_project(tmp_path / "new", "blank", "classic")


def test_folder_that_cannot_be_written_is_one_sentence() -> None:
    with pytest.raises(EnvironmentFault, match="cannot write /proc/nowhere"):
        start_project(Path("/proc/nowhere"), "blank", "classic")


def test_the_channels_that_are_shown_as_remarks_can_be_set(tmp_path: Path) -> None:
    written = start_project(tmp_path / "new", "blank", "classic")
    text = written["playbooks/channels.yaml"]
    shown = [line[2:] for line in text.splitlines() if line.startswith("#   ")]

    (tmp_path / "new" / "playbooks" / "channels.yaml").write_text(
        "\n".join(["channels:", *shown, ""])
    )

    assert len(shown) == 2
    assert check(tmp_path / "new").problems == ()
