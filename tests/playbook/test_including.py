"""``include``: whole named items from files inside the project, and from nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.playbook.check import check
from orchestrator.playbook.files import files_of
from orchestrator.playbook.load import load
from orchestrator.playbook.read import draft_of

PROJECT = "project: shop\ntimezone: Europe/Vienna\n"
CATALOG = "events: {buy: {amount: money}}\n"
SEGMENTS = "segments:\n  vip: {did: buy, at_least: $many}\nvars: {many: 3}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in a folder of its own, with files beside its playbooks."""
    root = tmp_path / "shop"
    write(root, "playbooks/project.yaml", PROJECT)
    write(root, "playbooks/catalog.yaml", CATALOG)
    write(root, "shared/segments_dach.yaml", SEGMENTS)
    return root


def write(root: Path, name: str, text: str) -> None:
    """Write one file."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def told(root: Path) -> list[tuple[str, str]]:
    """Return (place, message) of every error."""
    return [
        (f"{one.mark.path}:{one.mark.line}:{one.mark.column}", one.message)
        for one in check(root).problems
        if one.severity == "error"
    ]


def test_segments_of_an_included_file_are_the_projects(project: Path) -> None:
    write(project, "playbooks/all.yaml", "include: [../shared/segments_dach.yaml]\n")

    playbook = load(project).playbook
    assert playbook is not None
    assert set(playbook.segments) == {"vip"}
    assert "shared/segments_dach.yaml" in playbook.files


def test_parts_of_the_catalog_and_blueprints_can_be_included(project: Path) -> None:
    write(project, "shared/more.yaml", "events: {seen: {}}\n")
    write(
        project,
        "shared/pattern.yaml",
        "blueprint: plain\nstarts_when: {did: seen}\nsteps: [{wait: 1 day}]\n",
    )
    write(
        project,
        "playbooks/made.yaml",
        "flow: made\nfrom_blueprint: plain\ninclude: [../shared/more.yaml, ../shared/pattern.yaml]\n",
    )

    playbook = load(project).playbook
    assert playbook is not None
    assert set(playbook.flows) == {"made"}


def test_variables_are_those_of_the_including_file(project: Path) -> None:
    write(project, "shared/numbers.yaml", "vars: {many: 3}\n")
    asks = "segments: {{{name}: {{did: buy, at_least: $many}}}}\n"
    write(
        project, "playbooks/a.yaml", asks.format(name="a") + "include: [../shared/numbers.yaml]\n"
    )
    assert load(project).playbook is not None

    write(project, "playbooks/b.yaml", asks.format(name="b"))
    assert [message for _, message in told(project)] == ['unknown variable "$many"']


def test_an_included_file_may_include(project: Path) -> None:
    write(project, "shared/all.yaml", "include: [segments_dach.yaml]\n")
    write(project, "playbooks/all.yaml", "include: [../shared/all.yaml]\n")

    playbook = load(project).playbook
    assert playbook is not None
    assert set(playbook.segments) == {"vip"}


def test_the_same_name_twice_names_both_places(project: Path) -> None:
    write(
        project,
        "playbooks/own.yaml",
        "segments: {vip: {did: buy}}\ninclude: [../shared/segments_dach.yaml]\n",
    )

    message = 'the segment "vip" is defined a second time, the first is at'
    assert any(
        found.startswith(message)
        and "segments_dach.yaml" in place + found
        and "own" in place + found
        for place, found in told(project)
    )


def test_the_same_variable_twice_names_both_places(project: Path) -> None:
    write(project, "shared/numbers.yaml", "vars: {many: 3}\n")
    own = "segments: {a: {did: buy, at_least: $many}}\nvars: {many: 4}\n"
    write(project, "playbooks/own.yaml", f"{own}include: [../shared/numbers.yaml]\n")

    (only,) = told(project)
    assert only[0] == "shared/numbers.yaml:1:8"
    assert only[1].endswith("the first is at playbooks/own.yaml:2")


def test_what_was_read_before_is_read_back_without_a_disk(project: Path) -> None:
    write(project, "playbooks/all.yaml", "include: [../shared/segments_dach.yaml]\n")
    playbook = load(project).playbook
    assert playbook is not None

    draft = draft_of(files_of(playbook.files), {})
    assert not draft.problems
    assert set(draft.segments) == {"vip"}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("../shared/segments.yaml", "there is no file shared/segments.yaml"),
        ("../Shared/segments_dach.yaml", "there is no file Shared/segments_dach.yaml"),
        ("../shared/SEGMENTS_DACH.yaml", "there is no file shared/SEGMENTS_DACH.yaml"),
        ("../../outside.yaml", "this leads out of the project"),
        ("../../shop/shared/segments_dach.yaml", "this leads out of the project"),
        ("../shared/../../outside.yaml", "this leads out of the project"),
        ("/etc/passwd.yaml", '"/etc/passwd.yaml" is no relative path with / between folders'),
        ("~/x.yaml", '"~/x.yaml" is no relative path with / between folders'),
        ("C:/x.yaml", '"C:/x.yaml" is no relative path with / between folders'),
        ("file:///x.yaml", '"file:///x.yaml" is no relative path with / between folders'),
        (r"..\\shared\\x.yaml", r'"..\shared\x.yaml" is no relative path with / between folders'),
        ("../shared/x.yaml\\0.yaml", '"../shared/x.yaml?.yaml" is no path'),
        ("../shared/\\u202ex.yaml", '"../shared/?x.yaml" is no path'),
        ("../shared/notes.txt", '"../shared/notes.txt" is no YAML file'),
        ("../shared/.hidden.yaml", "hidden files are nobody's business"),
        ("catalog.yaml", "every file under playbooks/ is read already"),
        ("../templates/x.yaml", "templates/ holds messages, nothing to include"),
        ("../shared/folder.yaml", "shared/folder.yaml: this is no file"),
        ("$where", '"$where" is no relative path with / between folders'),
        ("", '"" is no path'),
    ],
)
def test_a_path_that_is_none_is_refused_at_its_place(
    project: Path, written: str, said: str
) -> None:
    write(project.parent, "outside.yaml", "segments: {out: {did: buy}}\n")
    write(project, "shared/.hidden.yaml", SEGMENTS)
    (project / "shared" / "folder.yaml").mkdir()
    write(project, "playbooks/all.yaml", f'include:\n  - "{written}"\n')

    found = told(project)
    assert ("playbooks/all.yaml:2:5", said) in [(place, message) for place, message in found], found


@pytest.mark.parametrize("link", ["file", "folder", "nowhere"])
def test_a_link_out_of_the_project_is_refused(project: Path, link: str) -> None:
    write(project.parent, "other/x.yaml", "segments: {out: {did: buy}}\n")
    if link == "folder":
        (project / "shared" / "out").symlink_to(project.parent / "other")
        written = "../shared/out/x.yaml"
    else:
        target = "other/x.yaml" if link == "file" else "other/gone.yaml"
        (project / "shared" / "x.yaml").symlink_to(project.parent / target)
        written = "../shared/x.yaml"
    write(project, "playbooks/all.yaml", f"include: [{written}]\n")

    (only,) = told(project)
    says = "leads nowhere" if link == "nowhere" else "leads out of the project"
    assert only == ("playbooks/all.yaml:1:11", f"{written[3:]}: the link {says}")


def test_files_that_include_each_other_are_refused(project: Path) -> None:
    write(project, "shared/a.yaml", "include: [b.yaml]\n")
    write(project, "shared/b.yaml", "include: [a.yaml]\n")
    write(project, "playbooks/all.yaml", "include: [../shared/a.yaml]\n")

    circle = "shared/a.yaml → shared/b.yaml → shared/a.yaml"
    assert told(project) == [("shared/b.yaml:1:11", f"these files include each other: {circle}")]


def test_a_file_included_twice_is_refused(project: Path) -> None:
    twice = "include: [../shared/segments_dach.yaml, ../shared/./segments_dach.yaml]\n"
    write(project, "playbooks/all.yaml", twice)

    assert [message for _, message in told(project)] == [
        '"shared/segments_dach.yaml" is included twice, the first is on line 1'
    ]


def test_flows_and_stages_are_not_included(project: Path) -> None:
    write(project, "shared/flow.yaml", "flow: x\nstarts_when: {did: buy}\nsteps: [{wait: 1 day}]\n")
    write(project, "playbooks/all.yaml", "include: [../shared/flow.yaml]\n")

    assert told(project) == [("shared/flow.yaml:1:1", 'a file that is included holds no "flow"')]


def test_a_file_too_large_is_refused(project: Path) -> None:
    write(project, "shared/large.yaml", "# " + "x" * 300_000 + "\n" + SEGMENTS)
    write(project, "playbooks/all.yaml", "include: [../shared/large.yaml]\n")

    assert [place for place, message in told(project) if "too large" in message]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_no_file(project: Path) -> None:
    os.mkfifo(project / "shared" / "pipe.yaml")
    write(project, "playbooks/all.yaml", "include: [../shared/pipe.yaml]\n")

    assert [message for _, message in told(project)] == ["shared/pipe.yaml: this is no file"]
