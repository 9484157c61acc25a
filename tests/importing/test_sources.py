"""Files of the hostile corpus: a bad row is rejected alone, a bad file before its first row."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestrator.errors import OrchestratorError, UsageError
from orchestrator.importing.columns import FileRefusedError
from orchestrator.importing.run import ImportOptions, open_source
from orchestrator.importing.sources import LONGEST_FIELD, Reading

Rejected = tuple[int, str]


def _read(
    path: Path, content: bytes, delimiter: str | None = None
) -> tuple[dict[int, dict[str, str]], list[Rejected]]:
    """Return line → row, and (line, reason) of what was rejected."""
    path.write_bytes(content)
    rejected: list[Rejected] = []
    source = open_source(
        Reading(path, len(content)), ImportOptions(delimiter=delimiter), "customers"
    )
    rows = {
        line: dict(zip(batch.columns, row, strict=True))
        for batch in source.batches(lambda line, reason, _raw: rejected.append((line, reason)))
        for row, line in zip(batch.rows, batch.lines, strict=True)
    }
    return rows, rejected


def _csv(tmp_path: Path, content: bytes) -> tuple[dict[int, list[str]], list[Rejected]]:
    rows, rejected = _read(tmp_path / "x.csv", content)
    return {line: list(row.values()) for line, row in rows.items()}, rejected


def test_a_byte_order_mark_and_dos_lines_are_fine(tmp_path: Path) -> None:
    rows, rejected = _read(tmp_path / "x.csv", b"\xef\xbb\xbfid,a\r\n1,x\r\n2,y\r\n")
    assert (rows, rejected) == ({2: {"id": "1", "a": "x"}, 3: {"id": "2", "a": "y"}}, [])


def test_a_last_line_without_an_end_and_empty_lines_are_fine(tmp_path: Path) -> None:
    assert _csv(tmp_path, b"id,a\n\n1,x\n\r\n2,y") == ({3: ["1", "x"], 5: ["2", "y"]}, [])


def test_old_mac_line_ends_are_fine(tmp_path: Path) -> None:
    assert _csv(tmp_path, b"id,a\r1,x\r2,y\r") == ({2: ["1", "x"], 3: ["2", "y"]}, [])


def test_quoted_cells_hold_delimiters_quotes_and_lines(tmp_path: Path) -> None:
    rows, rejected = _csv(tmp_path, b'id,a\n1,"x, ""y""\nz"\n2,b\n')
    assert (rows, rejected) == ({2: ["1", 'x, "y"\nz'], 4: ["2", "b"]}, [])


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"1,x,extra", "3 cells where the header has 2"),
        (b"1", "1 cell where the header has 2"),
        (b'1,"x', "a quote that is never closed"),
        (b'1,"x"y', "a quote inside a cell that is not doubled"),
        (b"1,a\0b", "a NUL character"),
        (b"1," + b"x" * (LONGEST_FIELD + 1), "a field longer than 65,536 characters"),
        (b'1,"' + b"x" * (LONGEST_FIELD + 1) + b'"', "a field longer than 65,536 characters"),
        (b"1," + b"xy," * 400_000, "longer than 1,048,576 characters"),
    ],
    ids=["extra", "short", "unclosed", "quote", "nul", "field", "quoted_field", "row"],
)
def test_a_bad_row_is_rejected_alone(tmp_path: Path, bad: bytes, reason: str) -> None:
    rows, rejected = _csv(tmp_path, b'id,a\n0,"ok"\n' + bad + b"\n2,b\n3,c\n")
    assert rejected == [(3, reason)]
    assert rows == {2: ["0", "ok"], 4: ["2", "b"], 5: ["3", "c"]}


def test_a_long_field_is_rejected_alone_in_a_file_without_quotes(tmp_path: Path) -> None:
    rows, rejected = _csv(tmp_path, b"id,a\n0,a\n1," + b"x" * 70_000 + b"\n2,b\n")
    assert rejected == [(3, "a field longer than 65,536 characters")]
    assert rows == {2: ["0", "a"], 4: ["2", "b"]}


def test_a_field_of_the_greatest_length_is_fine(tmp_path: Path) -> None:
    rows, _ = _csv(tmp_path, b"id,a\n1," + b"x" * LONGEST_FIELD + b"\n")
    assert len(rows[2][1]) == LONGEST_FIELD


def test_an_unclosed_quote_swallows_nothing(tmp_path: Path) -> None:
    content = b'id,a\n1,"x\n' + b"2,b\n" * 5_000 + b'3,"fine"\n'
    rows, rejected = _csv(tmp_path, content)
    assert rejected == [(2, "a quote that is never closed")]
    assert len(rows) == 5_001


def test_thousands_of_unclosed_quotes_are_read_in_a_moment(tmp_path: Path) -> None:
    rows, rejected = _csv(tmp_path, b"id,a\n" + b'1,"x\n2,b\n' * 10_000)
    assert (len(rows), len(rejected)) == (10_000, 10_000)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\n1,x\n", "has no header"),
        (b"id,id\n1,x\n", 'two columns "id"'),
        (b"id,,a\n1,x,y\n", "names no column 2"),
        (b"id,\n1,x\n", "names no column 2"),
        (b"id,a\0\n1,x\n", "control characters"),
        (b'id,"a\n1,x\n', "header cannot be read"),
        (b"id;a\n1;x\n", "single column"),
        (b"id\ta\n1\tx\n", "single column"),
        (b"id,a\n1,x\n2,\xff\n", "not UTF-8: the first other byte is in line 3"),
        (b"id,a\n1,caf\xe9\n", "not UTF-8"),
        (b"id,a\n1,\xc3", "not UTF-8"),
        ("id,a\n1,x\n".encode("utf-16"), "UTF-16"),
        ("id,a\n1,x\n".encode("utf-16-le"), "UTF-16"),
        (bytes(500), "no text at all"),
    ],
)
def test_a_bad_file_is_refused_whole(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(FileRefusedError, match=sentence):
        _csv(tmp_path, content)


def test_another_delimiter_is_said_not_guessed(tmp_path: Path) -> None:
    rows, _ = _read(tmp_path / "x.csv", b"id;a\n1;x,y\n", ";")
    assert rows == {2: {"id": "1", "a": "x,y"}}
    rows, _ = _read(tmp_path / "x.tsv", b"id\ta\n1\tx,y\n")
    assert rows == {2: {"id": "1", "a": "x,y"}}


def test_gzipped_files_are_read(tmp_path: Path) -> None:
    assert _read(tmp_path / "x.csv.gz", gzip.compress(b"id\n1\n"))[0] == {2: {"id": "1"}}


def test_a_cut_off_gzip_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(bytes(range(32, 127)) * 5_000)
    for content in (whole[:-20], b"id\n1\n"):
        with pytest.raises(FileRefusedError, match="no whole .gz"):
            _read(tmp_path / "x.csv.gz", content)


def test_the_name_says_the_format(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not say what format"):
        _read(tmp_path / "x.xlsx", b"")
    with pytest.raises(UsageError, match="for CSV files only"):
        _read(tmp_path / "x.jsonl", b"{}", ";")


def test_json_lines_read_like_csv_cells(tmp_path: Path) -> None:
    content = (
        b'{"id": 1, "amount": 10.50, "big": 1e3, "ok": true, "none": null, "tags": ["a", "b"],'
        b' "cart": {"items": [1.5]}, "odd": ["a;b"]}\n\n{"id": "2"}\r\n'
    )
    rows, rejected = _read(tmp_path / "x.jsonl", content)
    assert rejected == []
    assert rows[1] == {
        "id": "1",
        "amount": "10.50",
        "big": "1000",
        "ok": "true",
        "none": "",
        "tags": "a;b",
        "cart": '{"items":[1.5]}',
        "odd": '["a;b"]',
    }
    assert rows[3] == {"id": "2"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not JSON: "),
        (b"[1]", "not a JSON object"),
        (b'"x"', "not a JSON object"),
        (b'{"id": 1} {}', "not JSON: extra data"),
        (b'{"id": 1, "id": 2}', "the same key twice"),
        (b'{"id": 1, "a": {"b": 1, "b": 2}}', "the same key twice"),
        ('{"e\u0301": 1, "é": 2}'.encode(), "the same key twice"),
        (b'{"": 1}', "an empty key"),
        (b'{"id": NaN}', "NaN is no JSON number"),
        (b'{"id": -Infinity}', "-Infinity is no JSON number"),
        (b'{"id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"id": "\\ud800"}', "half of a surrogate pair"),
        (b'{"id": "a\\u0000b"}', "a NUL character"),
        (b'{"id": ' + b"9" * 5_000 + b"}", "not JSON: a number too long"),
        (b'{"id": "' + b"x" * 70_000 + b'"}', "a field longer"),
        (b'{"id": "' + b"x" * 2_000_000 + b'"}', "longer than 1,048,576 characters"),
    ],
    ids=range(16),
)
def test_a_bad_json_line_is_rejected_alone(tmp_path: Path, line: bytes, reason: str) -> None:
    rows, rejected = _read(tmp_path / "x.jsonl", b'{"id": "a"}\n' + line + b'\n{"id": "b"}\n')
    assert [number for number, _ in rejected] == [2]
    assert rejected[0][1].startswith(reason)
    assert rows == {1: {"id": "a"}, 3: {"id": "b"}}


def test_emoji_and_escapes_in_json_are_fine(tmp_path: Path) -> None:
    rows, rejected = _read(tmp_path / "x.jsonl", b'{"id": "\\ud83d\\ude00"}\n')
    assert (rows, rejected) == ({1: {"id": "😀"}}, [])


def test_parquet_reads_like_csv_cells(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": ["a", "b", "c"],
            "amount": pa.array([Decimal("1.50"), None, Decimal("3.00")]),
            "at": pa.array([0, 1_000_000, None], pa.timestamp("us", "UTC")),
            "naive": pa.array([0, 1_000_000, None], pa.timestamp("us")),
            "day": pa.array([0, None, 1], pa.date32()),
            "tags": [["x", "y"], [], None],
            "number": [1.5, float("nan"), 1e20],
            "nul": ["ok", "ok", "\0"],
        }
    )
    pq.write_table(table, tmp_path / "y.parquet")
    content = (tmp_path / "y.parquet").read_bytes()
    rows, rejected = _read(tmp_path / "x.parquet", content)
    assert rejected == [(3, "a NUL character")]
    assert rows[1] == {
        "id": "a",
        "amount": "1.50",
        "at": "1970-01-01T00:00:00+00:00",
        "naive": "1970-01-01T00:00:00",
        "day": "1970-01-01",
        "tags": "x;y",
        "number": "1.5",
        "nul": "ok",
    }
    assert [rows[2][name] for name in ("amount", "day", "tags", "number")] == [""] * 4
    assert _read(tmp_path / "x.parquet.gz", gzip.compress(content))[0] == rows


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OrchestratorError, match="no Parquet file"):
        _read(tmp_path / "x.parquet", b"id,a\n1,2\n")
