"""Lists for people: each row once, whatever is repeated or cut off."""

from __future__ import annotations

import csv
import threading
from datetime import date
from pathlib import Path

import pytest

from orchestrator.channels.day_lists import DayLists

DAY = date(2026, 3, 2)
ROWS = {
    f"k{number}": {"name": f"n {number}", "text": f'one "two"\nthree, {number}'}
    for number in range(5)
}


def lists(folder: Path) -> DayLists:
    return DayLists(folder / "lists", ("name", "text"))


def read(folder: Path) -> list[dict[str, str]]:
    with (folder / "lists" / "2026-03-02.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_rows_are_added_in_order_under_one_header(tmp_path: Path) -> None:
    lists(tmp_path).add(DAY, {"a": {"name": "Ann", "text": "x"}})
    lists(tmp_path).add(DAY, {"b": {"name": "Ben", "text": "y"}})

    assert [tuple(row.values()) for row in read(tmp_path)] == [("a", "Ann", "x"), ("b", "Ben", "y")]


def test_a_row_written_twice_is_one(tmp_path: Path) -> None:
    for _ in range(3):
        lists(tmp_path).add(DAY, ROWS)

    assert [row["key"] for row in read(tmp_path)] == list(ROWS)
    assert read(tmp_path)[2]["text"] == ROWS["k2"]["text"]


def test_what_a_crash_left_of_a_row_is_cut_off(tmp_path: Path) -> None:
    lists(tmp_path).add(DAY, ROWS)
    path = tmp_path / "lists" / "2026-03-02.csv"
    whole = path.read_bytes()

    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        lists(tmp_path).add(DAY, ROWS)
        assert path.read_bytes() == whole, end


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(tmp_path: Path, text: str) -> None:
    lists(tmp_path).add(DAY, {"a": {"name": text, "text": "NUL\x00"}})

    assert read(tmp_path)[0]["name"] == f"'{text}"
    assert read(tmp_path)[0]["text"] == "NUL"


def test_several_write_at_once(tmp_path: Path) -> None:
    def work(part: int) -> None:
        for number in range(10):
            lists(tmp_path).add(DAY, {f"{part}-{number}": {"name": "n", "text": "t"}, "same": {}})

    threads = [threading.Thread(target=work, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = [row["key"] for row in read(tmp_path)]
    assert len(keys) == len(set(keys)) == 41
