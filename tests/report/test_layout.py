from __future__ import annotations

import pytest

from orchestrator.counting import counted, number
from orchestrator.report.layout import Page, fitted, printable, width_of


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("日本", 4), ("e\u0301", 1), ("👋", 2), ("", 0)],
    ids=["ascii", "wide", "combining", "emoji", "empty"],
)
def test_width_is_what_a_terminal_gives(text: str, columns: int) -> None:
    assert width_of(text) == columns


def test_cut_text_fits_and_says_so() -> None:
    assert fitted("日本語です", 5) == "日本…"
    assert fitted("short", 5) == "short"


def test_columns_are_aligned_also_with_wide_text() -> None:
    lines = Page(80).table([("日本", "1"), ("ab", "1,000")], right=(1,), indent=0)

    assert lines == ["日本      1", "ab    1,000"]


def test_tables_never_pass_the_page() -> None:
    rows = [("x" * 60, "y" * 60, "z" * 60)]

    (line,) = Page(80).table(rows)

    assert width_of(line) <= 80
    assert line.count("…") == 3


def test_last_column_of_entries_is_wrapped_not_cut() -> None:
    lines = Page(40).entries([("name", "word " * 20)], header=("a", "b"))

    assert max(map(width_of, lines)) <= 40
    assert " ".join(lines).count("word") == 20


def test_last_column_of_entries_stands_below_where_it_has_no_room() -> None:
    lines = Page(20).entries([("a_long_name", "5", "some more words")], header=("a", "b", "c"))

    assert lines == [
        "a            b", "    c", "a_long_name  5", "    some more words",
    ]  # fmt: skip


def test_printable_text_is_one_line_without_controls() -> None:
    assert printable("a\r\nb\tc\x1b[0m\x00") == "a b c\ufffd[0m\ufffd"
    assert printable("\u202eevil") == "\ufffdevil"
    assert printable("👩\u200d💻") == "👩\u200d💻"


def test_counts_have_separators_and_a_noun() -> None:
    assert number(1_204_000) == "1,204,000"
    assert counted(1, "flow") == "1 flow"
    assert counted(2, "entry", "entries") == "2 entries"
