from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import UsageError
from orchestrator.language.durations import Duration
from orchestrator.playbook.load import Loaded, load

BASE = Path(__file__).parent / "corpus" / "base"
FLOW = """\
flow: case
owner: crm
starts_when: {did: signed_up}
goal: {did: purchase}
steps: [{send: hello}]
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A copy of the sample shop."""
    shutil.copytree(BASE, tmp_path / "shop")
    return tmp_path / "shop"


def write(shop: Path, name: str, content: str | bytes) -> Path:
    path = shop / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def told(loaded: Loaded) -> list[str]:
    """Return ``code path:line:column`` of every problem."""
    return [
        f"{problem.code} {problem.mark.path}:{problem.mark.line}:{problem.mark.column}"
        for problem in loaded.problems
    ]


def test_a_good_project_is_one_playbook(shop: Path) -> None:
    playbook = load(shop).playbook
    assert playbook is not None
    assert list(playbook.flows) == ["carts", "welcome"]
    assert [stage.stage for stage in playbook.stages] == ["lapsed", "active", "lead"]
    assert set(playbook.messages) == {"hello", "offer", "nudge"}
    assert playbook.messages["offer"].channels() == {"email", "sms"}
    assert "playbooks/welcome.yaml" in playbook.files


def test_one_error_means_no_playbook(shop: Path) -> None:
    write(shop, "playbooks/case.yaml", FLOW.replace("signed_up", "singed_up"))
    loaded = load(shop)
    assert loaded.playbook is None
    assert loaded.errors == 1


def test_catalogs_and_segments_of_several_files_are_one(shop: Path) -> None:
    write(
        shop,
        "playbooks/more/events.yml",
        "events: {visit: {page: text}}\ntopics: {tips: marketing}\n",
    )
    write(shop, "playbooks/more/segments.yaml", "segments: {readers: {did: visit}}\n")
    playbook = load(shop).playbook
    assert playbook is not None and playbook.catalog.events is not None
    assert {"visit", "purchase"} <= set(playbook.catalog.events)
    assert {"readers", "buyers"} <= set(playbook.segments)


def test_the_fingerprint_follows_every_text(shop: Path) -> None:
    before = load(shop).playbook
    write(shop, "templates/hello/email.md.j2", "---\nsubject: Tea\n---\nHello!\n")
    after = load(shop).playbook
    assert before is not None and after is not None
    assert before.fingerprint != after.fingerprint
    assert len(after.fingerprint) == 64
    again = load(shop).playbook
    assert again is not None and again.fingerprint == after.fingerprint


def test_line_ends_do_not_change_the_fingerprint(shop: Path) -> None:
    before = load(shop).playbook
    path = shop / "playbooks/welcome.yaml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    after = load(shop).playbook
    assert before is not None and after is not None
    assert before.fingerprint == after.fingerprint


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        pytest.param(FLOW.encode("utf-16"), "CLM110", 1, id="utf-16"),
        pytest.param(FLOW.encode("utf-16-le"), "CLM110", 1, id="utf-16-without-mark"),
        pytest.param(b"flow: a\nnote: \xe9\n", "CLM110", 2, id="latin-1"),
        pytest.param(b"flow: a\nnote: a\0b\n", "CLM110", 2, id="nul"),
        pytest.param(b"flow: a\rowner: b\r", "CLM110", 1, id="lone-carriage-return"),
        pytest.param(b"flow: a\nnote: \x1b[2J\n", "CLM110", 2, id="escape-sequence"),
        pytest.param(b"note: " + b"x" * 262_144, "CLM111", 1, id="256-kilobytes"),
        pytest.param(b"# " + b"x" * 10_000_000, "CLM111", 1, id="10-megabytes"),
        pytest.param(
            b"<<<<<<< HEAD\nflow: a\n=======\nflow: b\n>>>>>>> x\n", "CLM113", 1, id="conflict"
        ),
    ],
)
def test_a_file_that_is_no_plain_text_is_refused(
    shop: Path, content: bytes, code: str, line: int
) -> None:
    write(shop, "playbooks/case.yaml", content)
    loaded = load(shop)
    assert [(problem.code, problem.mark.line) for problem in loaded.problems] == [(code, line)]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("AKIA" + "IOSFODNN7EXAMPLE", id="access-key"),
        pytest.param("re" + "_AbCdEf12_GhIjKl3456789MnOpQrStUvWx", id="mail-key"),
        pytest.param("sk" + "_live_abcdefgh12345678", id="payment-key"),
        pytest.param("postgresql://shop:" + "hunter2@db/shop", id="address-with-password"),
    ],
)
def test_a_secret_is_refused_wherever_it_stands(shop: Path, text: str) -> None:
    write(shop, "playbooks/case.yaml", FLOW + f"note: {text}\n")
    assert told(load(shop)) == ["CLM115 playbooks/case.yaml:6:7"]


@pytest.mark.parametrize("name", ["re_entry_2026_summer_flow", "re_engagement_of_old_customers"])
def test_a_name_that_begins_like_a_key_is_no_secret(shop: Path, name: str) -> None:
    write(shop, "playbooks/case.yaml", FLOW + f"note: {name}\n")
    assert told(load(shop)) == []


def test_a_property_may_be_called_secret(shop: Path) -> None:
    write(shop, "playbooks/case.yaml", "events: {quiz_taken: {secret: text}}\n")
    assert told(load(shop)) == []


def test_a_link_out_of_the_project_is_refused(shop: Path, tmp_path: Path) -> None:
    outside = write(tmp_path, "outside.yaml", FLOW)
    (shop / "playbooks/case.yaml").symlink_to(outside)
    (shop / "playbooks/more").symlink_to(tmp_path)
    (shop / "templates/gone").symlink_to(shop / "nowhere")
    assert told(load(shop)) == [
        "CLM118 playbooks/case.yaml:1:1",
        "CLM118 playbooks/more:1:1",
    ]


def test_a_link_within_the_project_is_followed(shop: Path) -> None:
    write(shop, "shared/case.yaml", FLOW)
    (shop / "playbooks/case.yaml").symlink_to(shop / "shared/case.yaml")
    assert told(load(shop)) == []


def test_links_in_a_circle_end(shop: Path) -> None:
    (shop / "playbooks/again").symlink_to(shop / "playbooks")
    loaded = load(shop)
    assert loaded.playbook is None
    assert {problem.code for problem in loaded.problems} <= {"CLM118", "CLM212"}


def test_a_folder_without_playbooks_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder playbooks"):
        load(tmp_path)


def test_a_project_needs_a_project_file(shop: Path) -> None:
    (shop / "playbooks/project.yaml").unlink()
    assert "CLM218 playbooks/project.yaml:1:1" in told(load(shop))


def test_an_unreadable_catalog_makes_no_unknown_names(shop: Path) -> None:
    path = shop / "playbooks/catalog.yaml"
    path.write_text(path.read_text() + "  broken: [\n")
    assert {problem.mark.path for problem in load(shop).problems} == {"playbooks/catalog.yaml"}


def test_an_unreadable_project_makes_no_unknown_variables(shop: Path) -> None:
    path = shop / "playbooks/project.yaml"
    path.write_text(path.read_text() + "locale: [\n")
    assert {problem.mark.path for problem in load(shop).problems} == {"playbooks/project.yaml"}


def test_a_broken_flow_is_still_a_flow_for_others(shop: Path) -> None:
    write(shop, "playbooks/case.yaml", FLOW.replace("goal:", "gaol:"))
    write(
        shop,
        "playbooks/next.yaml",
        FLOW.replace("case", "next").replace("did: signed_up", "leaves_flow: case"),
    )
    assert told(load(shop)) == ["CLM104 playbooks/case.yaml:4:1"]


# --- variables --------------------------------------------------------------------------


VARIED = FLOW.replace("{did: purchase}", "{did: purchase, within: $span}")


def within(loaded: Loaded) -> Duration | None:
    assert loaded.playbook is not None, told(loaded)
    goal = loaded.playbook.flows["case"].goal
    return goal.within if goal else None


def test_the_flow_s_variable_wins_over_the_project_s(shop: Path) -> None:
    project = shop / "playbooks/project.yaml"
    project.write_text(
        project.read_text().replace("lapse: 60 days", "lapse: 60 days, span: 9 days")
    )
    write(shop, "playbooks/case.yaml", VARIED)
    assert within(load(shop)) == Duration(9, "day")
    write(shop, "playbooks/case.yaml", VARIED + "vars: {span: 3 days}\n")
    assert within(load(shop)) == Duration(3, "day")
    assert within(load(shop, variables={"span": "5 days"})) == Duration(5, "day")


def test_a_variable_may_be_given_on_the_command_line_only(shop: Path) -> None:
    write(shop, "playbooks/case.yaml", VARIED)
    assert told(load(shop)) == ["CLM203 playbooks/case.yaml:4:31"]
    assert within(load(shop, variables={"span": "5 days"})) == Duration(5, "day")


def test_an_unknown_variable_on_the_command_line_is_a_usage_error(shop: Path) -> None:
    with pytest.raises(UsageError, match="lapsed"):
        load(shop, variables={"lapsed": "5 days"})


def test_a_wrong_value_on_the_command_line_is_named(shop: Path) -> None:
    problems = load(shop, variables={"lapse": "soon"}).problems
    assert [problem.mark.path for problem in problems] == ["--var lapse"]


def test_a_large_variable_used_often_is_refused(shop: Path) -> None:
    big = ", ".join("{did: purchase}" for _ in range(1500))
    uses = "".join(f"  - {{exit: e{n}, id: e{n}, only_if: $big}}\n" for n in range(400))
    text = FLOW.replace("steps: [{send: hello}]\n", f"vars: {{big: [{big}]}}\nsteps:\n{uses}")
    write(shop, "playbooks/case.yaml", text)
    assert {problem.code for problem in load(shop).problems} == {"CLM111"}


# --- message folders --------------------------------------------------------------------


def test_front_matter_is_parted_from_the_body(shop: Path) -> None:
    write(
        shop,
        "templates/hello/email.id-ID.html.j2",
        '---\nsubject: "Halo {{ customer.first_name }}"\npreheader: Teh\n---\n<p>Halo</p>\n',
    )
    playbook = load(shop).playbook
    assert playbook is not None
    template = next(each for each in playbook.messages["hello"].templates if each.locale == "id-ID")
    assert template.subject == "Halo {{ customer.first_name }}"
    assert template.preheader == "Teh"
    assert (template.body, template.body_line) == ("<p>Halo</p>\n", 5)
    assert template.marks["subject"].line == 2


def test_layouts_and_partials_have_the_names_that_templates_use(shop: Path) -> None:
    write(shop, "templates/_layouts/email.html.j2", "<html>")
    write(shop, "templates/_partials/deep/footer.md.j2", "Bye")
    playbook = load(shop).playbook
    assert playbook is not None
    assert playbook.layouts == {
        "_layouts/email.html.j2": "<html>",
        "_partials/deep/footer.md.j2": "Bye",
    }


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("mail.md.j2", "Hi", "CLM119 templates/hello/mail.md.j2:1:1"),
        ("email.mdx.j2", "Hi", "CLM119 templates/hello/email.mdx.j2:1:1"),
        ("sms.html.j2", "Hi", "CLM119 templates/hello/sms.html.j2:1:1"),
        ("email.id_ID.md.j2", "Hi", "CLM119 templates/hello/email.id_ID.md.j2:1:1"),
        ("email.md", "Hi", "CLM119 templates/hello/email.md:1:1"),
        ("email.html.j2", "Hi", "CLM119 templates/hello/email.md.j2:1:1"),
        ("deep/email.md.j2", "Hi", "CLM119 templates/hello/deep/email.md.j2:1:1"),
        ("email.de.md.j2", "---\nsubject: Hi\n", "CLM100 templates/hello/email.de.md.j2:1:1"),
        ("email.de.md.j2", "---\nsubjct: Hi\n---\n", "CLM104 templates/hello/email.de.md.j2:2:1"),
        (
            "email.de.md.j2",
            "---\nsubject: {{ a }}\n---\n",
            "CLM103 templates/hello/email.de.md.j2:2:10",
        ),
        ("message.yaml", "topc: newsletter\n", "CLM104 templates/hello/message.yaml:1:1"),
        ("message.yaml", "topic: newletter\n", "CLM209 templates/hello/message.yaml:1:8"),
        ("message.yaml", "from: helo\n", "CLM211 templates/hello/message.yaml:1:7"),
        ("message.yaml", "- a\n", "CLM106 templates/hello/message.yaml:1:1"),
        ("email.de.md.j2", b"\xff\xfeH\0", "CLM110 templates/hello/email.de.md.j2:1:1"),
    ],
)
def test_a_wrong_file_of_a_message_is_named(
    shop: Path, name: str, content: str | bytes, expected: str
) -> None:
    write(shop, f"templates/hello/{name}", content)
    assert expected in told(load(shop))


def test_hidden_files_are_nobody_s_business(shop: Path) -> None:
    write(shop, "templates/hello/.DS_Store", b"\0\1")
    write(shop, "playbooks/.draft.yaml", "nonsense")
    write(shop, "templates/README.md", "How to write templates")
    assert told(load(shop)) == []


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda shop: (shop / "playbooks/sub.yaml").mkdir(), id="folder-called-yaml"),
        pytest.param(lambda shop: (shop / "templates/empty").mkdir(), id="empty-folder"),
    ],
)
def test_folders_with_odd_names_harm_nobody(shop: Path, make: Callable[[Path], None]) -> None:
    make(shop)
    assert told(load(shop)) == []
