"""Events are loaded once each, typed, with the customers they name (semantics 2-7)."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from loading import contents, counts, load, rows
from sqlalchemy import Engine, text

from orchestrator.columns import to_micros
from orchestrator.errors import UsageError
from orchestrator.importing.columns import FileRefusedError
from orchestrator.importing.instants import instant_reader
from orchestrator.importing.jsonl_source import LOOKED_AT
from orchestrator.importing.people import base_of
from orchestrator.language.marks import Mark
from orchestrator.language.names import Name
from orchestrator.playbook.model import Catalog

HEADER = "customer_id,event,at,amount\n"


def _micros(moment: str) -> int:
    return to_micros(datetime.fromisoformat(moment).astimezone(UTC))


def _catalog(events: dict[str, dict[str, str]]) -> Catalog:
    mark = Mark("playbooks/catalog.yaml", 1, 1)
    named = {
        Name(event, "event", mark): {
            Name(key, "property", mark): kind for key, kind in types.items()
        }
        for event, types in events.items()
    }
    return Catalog(mark=mark, marks={}, events=named)


def test_an_event_brings_its_customer_its_values_and_the_work_list(
    engine: Engine, tmp_path: Path
) -> None:
    outcome = load(
        engine,
        "events",
        tmp_path / "e.csv",
        HEADER + "anna,purchase,2026-03-02T10:00:00Z,12.50\n",
    )
    assert counts(outcome) == (1, 0, 0, 0)
    assert outcome.customers_created == 1
    at = _micros("2026-03-02T10:00:00Z")
    assert rows(engine, "SELECT external_id, base, created_at, first_event_at FROM customer") == [
        ("anna", base_of("anna"), None, at)
    ]
    assert rows(engine, "SELECT name, occurred_at, properties FROM event") == [
        ("purchase", at, '{"amount":"12.50"}')
    ]
    assert rows(
        engine,
        "SELECT v.name, v.occurred_at, v.text, v.number, v.scaled, v.money, v.instant, v.truth"
        " FROM event_value v JOIN event e ON e.id = v.event_id AND e.customer_id = v.customer_id",
    ) == [("purchase.amount", at, "12.50", 12.5, 125_000, 125_000, None, None)]
    assert rows(engine, "SELECT count(*) FROM dirty d JOIN customer c ON c.id = d.customer_id") == [
        (1,)
    ]


def test_a_base_is_arithmetic_that_anyone_can_redo() -> None:
    digest = hashlib.sha256(b"anna").hexdigest()
    assert base_of("anna") == int(digest[:8], 16) % 2_147_483_647


def test_the_same_file_twice_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    content = (
        HEADER + "anna,purchase,2026-03-02,1\nben,purchase,2026-03-02,\nanna,visit,2026-03-02,\n"
    )
    assert counts(load(engine, "events", tmp_path / "e.csv", content)) == (3, 0, 0, 0)
    before = contents(engine)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM dirty"))
    outcome = load(engine, "events", tmp_path / "e.csv", content)
    assert counts(outcome) == (0, 0, 3, 0)
    assert contents(engine) == before
    assert rows(engine, "SELECT * FROM dirty") == []


@pytest.mark.parametrize(
    ("first", "second", "events"),
    [
        ("a,purchase,2026-03-02T10:00Z,5", "a,purchase,2026-03-02T10:00Z,5", 1),
        ("a,purchase,2026-03-02T10:00Z,5", "a,purchase,2026-03-02T12:00+02:00,5", 1),
        ("cafe\u0301,purchase,2026-03-02,e\u0301", "caf\u00e9,purchase,2026-03-02,\u00e9", 1),
        ("a,purchase,2026-03-02T10:00Z,5", "a,purchase,2026-03-02T10:00Z,5.0", 2),
        ("a,purchase,2026-03-02T10:00Z,5", "a,purchase,2026-03-02T10:00Z,", 2),
        ("a,purchase,2026-03-02T10:00Z,5", "a,visit,2026-03-02T10:00Z,5", 2),
        ("a,purchase,2026-03-02T10:00Z,5", "b,purchase,2026-03-02T10:00Z,5", 2),
        ("a,purchase,2026-03-02T10:00:00.000001Z,5", "a,purchase,2026-03-02T10:00Z,5", 2),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_rows_without_id_are_one_event_if_all_is_equal(
    engine: Engine, tmp_path: Path, first: str, second: str, events: int, *, together: bool
) -> None:
    if together:
        load(engine, "events", tmp_path / "e.csv", f"{HEADER}{first}\n{second}\n")
    else:
        load(engine, "events", tmp_path / "e.csv", f"{HEADER}{first}\n")
        load(engine, "events", tmp_path / "e.csv", f"{HEADER}{second}\n")
    assert rows(engine, "SELECT count(*) FROM event") == [(events,)]


def test_the_order_and_the_emptiness_of_columns_do_not_matter_for_equality(
    engine: Engine, tmp_path: Path
) -> None:
    load(engine, "events", tmp_path / "a.csv", "customer_id,event,at,b,a\nx,e,2026-03-02,1,2\n")
    load(engine, "events", tmp_path / "b.csv", "a,at,b,c,event,customer_id\n2,2026-03-02,1,,e,x\n")
    line = {"customer_id": "x", "event": "e", "at": "2026-03-02", "a": 2, "b": 1, "c": None}
    load(engine, "events", tmp_path / "c.jsonl", json.dumps(line))
    assert rows(engine, "SELECT properties FROM event") == [('{"a":"2","b":"1"}',)]


def test_the_hash_is_the_documented_one(engine: Engine, tmp_path: Path) -> None:
    load(engine, "events", tmp_path / "e.csv", HEADER + "anna,purchase,2026-03-02T10:00Z,5\n")
    at = _micros("2026-03-02T10:00Z")
    written = f'anna\x1fpurchase\x1f{at}\x1f{{"amount":"5"}}'
    seconds = at // 1_000_000 - _micros("1900-01-01T00:00Z") // 1_000_000
    digest = hashlib.sha256(written.encode()).digest()[:12]
    expected = f"~{seconds:09x}{urlsafe_b64encode(digest).decode()}"
    assert rows(engine, "SELECT source_id FROM event") == [(expected,)]
    assert len(expected) == 26


@pytest.mark.parametrize("together", [True, False])
def test_of_rows_with_one_id_the_first_wins(
    engine: Engine, tmp_path: Path, *, together: bool
) -> None:
    header = "id,customer_id,event,at,amount\n"
    first = "7,anna,purchase,2026-03-02,5\n"
    second = "7,ben,purchase,2026-01-01,6\n"
    if together:
        load(engine, "events", tmp_path / "e.csv", header + first + second)
    else:
        load(engine, "events", tmp_path / "e.csv", header + first)
        load(engine, "events", tmp_path / "e.csv", header + second)
    assert rows(engine, "SELECT source_id, properties FROM event") == [("7", '{"amount":"5"}')]
    assert rows(engine, "SELECT external_id, first_event_at FROM customer") == [
        ("anna", _micros("2026-03-02T00:00Z"))
    ]


def test_the_first_event_is_kept_whatever_comes_later(engine: Engine, tmp_path: Path) -> None:
    for moment in ("2026-03-02", "2026-02-01", "2026-04-01"):
        load(engine, "events", tmp_path / "e.csv", f"{HEADER}anna,visit,{moment},\n")
    expected = [(_micros("2026-02-01T00:00Z"),)]
    assert rows(engine, "SELECT first_event_at FROM customer") == expected


def test_an_alias_names_its_customer(engine: Engine, tmp_path: Path) -> None:
    load(engine, "events", tmp_path / "e.csv", HEADER + "anna,visit,2026-03-02,\n")
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO alias SELECT 'old_anna', id FROM customer"),
        )
    outcome = load(engine, "events", tmp_path / "f.csv", HEADER + "old_anna,visit,2026-03-03,\n")
    assert outcome.customers_created == 0
    assert rows(engine, "SELECT count(DISTINCT customer_id), count(*) FROM event") == [(1, 2)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",purchase,2026-03-02,", "customer_id: empty"),
        ("  ,purchase,2026-03-02,", "customer_id: empty"),
        (" a,purchase,2026-03-02,", "customer_id: padded"),
        ("x" * 256 + ",purchase,2026-03-02,", "customer_id: padded with spaces, too long"),
        ("a,,2026-03-02,", "event: empty"),
        ("a,pur\tchase,2026-03-02,", "event: padded with spaces, too long or with control"),
        ("a,purchase,,", "at: empty"),
        ("a,purchase,yesterday,", "at: no time"),
        ("a,purchase,03/04/26,", "at: no time"),
        ("a,purchase,2026-02-30,", "at: no time"),
        ("a,purchase,2025-02-29,", "at: no time"),
        ("a,purchase,0001-01-01,", "at: no time of the years 1900 to 2200"),
        ("a,purchase,1899-12-31,", "at: no time of the years 1900 to 2200"),
        ("a,purchase,2201-01-01,", "at: no time of the years 1900 to 2200"),
        ("a,purchase,9999-12-31,", "at: no time of the years 1900 to 2200"),
    ],
)
def test_a_row_with_a_bad_id_name_or_time_is_rejected_alone(
    engine: Engine, tmp_path: Path, row: str, reason: str
) -> None:
    content = f"{HEADER}anna,visit,2026-03-02,\n{row}\nben,visit,1900-01-01,\n"
    outcome = load(engine, "events", tmp_path / "e.csv", content)
    assert counts(outcome) == (2, 0, 0, 1)
    written = (tmp_path / "e.csv.rejects.csv").read_text()
    assert f"3,{reason}" in written.replace('"', "")
    assert rows(engine, "SELECT count(*) FROM customer") == [(2,)]


def test_a_future_event_is_stored(engine: Engine, tmp_path: Path) -> None:
    content = HEADER + "anna,visit,2199-12-31T23:59:59.999999Z,\n"
    assert counts(load(engine, "events", tmp_path / "e.csv", content)) == (1, 0, 0, 0)


def test_times_without_offset_are_wall_time_in_the_given_zone(
    engine: Engine, tmp_path: Path
) -> None:
    content = (
        HEADER + "a,visit,2026-03-29T02:30,\nb,visit,2026-03-29,\nc,visit,2026-03-29T02:30Z,\n"
    )
    load(engine, "events", tmp_path / "e.csv", content, zone=ZoneInfo("Europe/Vienna"))
    assert rows(engine, "SELECT occurred_at FROM event ORDER BY id") == [
        (_micros("2026-03-29T01:00Z"),),
        (_micros("2026-03-28T23:00Z"),),
        (_micros("2026-03-29T02:30Z"),),
    ]


@pytest.mark.parametrize(
    ("form", "written", "meant"),
    [
        ("%d/%m/%Y %H:%M", "03/04/2026 10:30", "2026-04-03T08:30Z"),
        ("%m/%d/%y", "03/04/26", "2026-03-03T23:00Z"),
        ("%Y-%m-%dT%H:%M:%S%z", "2026-03-02T10:00:00+0100", "2026-03-02T09:00Z"),
        ("unix", "1772445600", "2026-03-02T10:00Z"),
        ("unix_ms", "1772445600000", "2026-03-02T10:00Z"),
    ],
)
def test_another_form_of_times_is_declared(
    engine: Engine, tmp_path: Path, form: str, written: str, meant: str
) -> None:
    load(
        engine,
        "events",
        tmp_path / "e.csv",
        f"{HEADER}a,visit,{written},\n",
        time_format=form,
        zone=ZoneInfo("Europe/Vienna"),
    )
    assert rows(engine, "SELECT occurred_at FROM event") == [(_micros(meant),)]


def test_a_time_format_that_is_none_is_refused(sqlite_engine: Engine, tmp_path: Path) -> None:
    for form in ("YYYY-MM-DD", "%Q", "%H %H"):
        with pytest.raises(UsageError, match="no pattern of a time"):
            load(sqlite_engine, "events", tmp_path / "e.csv", HEADER, time_format=form)


def test_columns_are_mapped_set_and_left_out(engine: Engine, tmp_path: Path) -> None:
    load(
        engine,
        "events",
        tmp_path / "e.csv",
        "who,when,id,price,remark\nanna,2026-03-02,X1,5,secret\n",
        maps=("who=customer_id", "when=at", "id=order_id", "price=amount", "remark="),
        sets=("event=purchase", "shop=web"),
    )
    assert rows(engine, "SELECT name, properties FROM event") == [
        ("purchase", '{"amount":"5","order_id":"X1","shop":"web"}')
    ]


@pytest.mark.parametrize(
    ("maps", "sets", "sentence"),
    [
        ((), (), "no column “at”"),
        (("wen=at",), (), 'names the column "wen", which the file does not have'),
        (("when=at",), ("event=x",), '"event" would come from two places'),
        (("when=customer_id",), (), '"customer_id" would come from two places'),
    ],
)
def test_a_file_that_lacks_a_column_is_refused_whole(
    sqlite_engine: Engine,
    tmp_path: Path,
    maps: tuple[str, ...],
    sets: tuple[str, ...],
    sentence: str,
) -> None:
    content = "customer_id,event,when\nanna,visit,2026-03-02\n"
    with pytest.raises(FileRefusedError, match=sentence):
        load(sqlite_engine, "events", tmp_path / "e.csv", content, maps=maps, sets=sets)
    assert rows(sqlite_engine, "SELECT * FROM customer") == []


@pytest.mark.parametrize(
    ("maps", "sets"),
    [
        (("date",), ()),
        (("=at",), ()),
        (("a=b", "a=c"), ()),
        (("a=at", "b=at"), ()),
        (("a=at",), ("at=x",)),
        ((), ("event",)),
    ],
)
def test_options_that_contradict_each_other_are_usage_errors(
    sqlite_engine: Engine, tmp_path: Path, maps: tuple[str, ...], sets: tuple[str, ...]
) -> None:
    with pytest.raises(UsageError):
        load(sqlite_engine, "events", tmp_path / "e.csv", HEADER, maps=maps, sets=sets)


def test_values_are_counted_against_the_catalog(engine: Engine, tmp_path: Path) -> None:
    catalog = _catalog({"purchase": {"amount": "money", "status": "text", "paid_on": "date"}})
    content = (
        "customer_id,event,at,amount,paid_on,color\n"
        "a,purchase,2026-03-02,5,2026-03-02,red\n"
        "a,purchase,2026-03-02,5.00001,2.3.2026,\n"
        "a,purchase,2026-03-02,,,\n"
        "a,refund,2026-03-02,,,red\n"
    )
    outcome = load(engine, "events", tmp_path / "e.csv", content, catalog=catalog)
    assert +outcome.missing == {"purchase.amount": 1, "purchase.status": 3, "purchase.paid_on": 1}
    assert +outcome.unparsable == {"purchase.amount": 1, "purchase.paid_on": 1}
    assert outcome.undeclared_columns == {"purchase.color"}
    assert outcome.undeclared_events == {"refund"}
    query = "SELECT count(*) FROM event_value WHERE name = 'purchase.amount' AND money IS NULL"
    assert rows(engine, query) == [(1,)]


def test_both_databases_hold_the_same(both_engines: tuple[Engine, Engine], tmp_path: Path) -> None:
    content = "".join(
        f"c{n * 7 % 50},{('visit', 'purchase')[n % 2]},2026-03-{n % 28 + 1:02},{n % 9}.{n}\n"
        for n in range(500)
    )
    for engine in both_engines:
        load(engine, "events", tmp_path / "e.csv", HEADER + content)
    one, two = (contents(engine) for engine in both_engines)
    assert one == two


def test_hostile_cells_are_stored_as_they_are(engine: Engine, tmp_path: Path) -> None:
    cells = ["=cmd|' /C calc'!A0", "@SUM(1)", "\t=1", "<script>", "{{7*7}}", "'; DROP TABLE event;--",
             "\\N", "\\", "a\\tb", "👩‍👩‍👧", "\u202e", "a\u2028b", "%s", "null"]  # fmt: skip
    lines = [
        json.dumps({"customer_id": f"c{n}", "event": "visit", "at": "2026-03-02", "x": value})
        for n, value in enumerate(cells)
    ]
    load(engine, "events", tmp_path / "e.jsonl", "\n".join(lines))
    assert [
        found for (found,) in rows(engine, "SELECT text FROM event_value ORDER BY event_id")
    ] == (cells)
    stored = [
        json.loads(found)["x"]
        for (found,) in rows(engine, "SELECT properties FROM event ORDER BY id")
    ]
    assert stored == cells


def test_json_lines_with_different_keys_keep_their_order(engine: Engine, tmp_path: Path) -> None:
    lines = [
        {"id": "1", "customer_id": "anna", "event": "visit", "at": "2026-03-02", "page": "x"},
        {"id": "2", "customer_id": "anna", "event": "purchase", "at": "2026-03-02", "amount": 5},
        {"id": "2", "customer_id": "ben", "event": "visit", "at": "2026-03-02", "page": "y"},
        {"id": "3", "customer_id": "anna", "event": "visit", "at": "2026-03-02", "page": "z"},
    ]
    load(engine, "events", tmp_path / "e.jsonl", "\n".join(json.dumps(line) for line in lines))
    assert rows(engine, "SELECT source_id, properties FROM event ORDER BY id") == [
        ("1", '{"page":"x"}'),
        ("2", '{"amount":"5"}'),
        ("3", '{"page":"z"}'),
    ]


@pytest.mark.parametrize(
    ("header", "help_"),
    [
        ("CustomerID,InvoiceDate,x", '--map "CustomerID=customer_id" --set event=VALUE'),
        ("name,occurred_at,customer_id", '--map "name=event" --map "occurred_at=at"'),
        ("cookie,timestamp,page", '--map "timestamp=at"'),
        ("custmer_id,evnt,at", '--map "custmer_id=customer_id" --map "evnt=event"'),
        ("zip_code,conversion,event,at", "customer_id must tell customers apart"),
    ],
)
def test_a_refusal_names_only_columns_that_may_be_meant(
    sqlite_engine: Engine, tmp_path: Path, header: str, help_: str
) -> None:
    with pytest.raises(FileRefusedError) as refused:
        load(sqlite_engine, "events", tmp_path / "e.csv", header + "\n")
    assert help_ in (refused.value.help or "")
    assert "zip_code=" not in (refused.value.help or "")
    assert "--set customer_id" not in (refused.value.help or "")


def test_json_lines_without_a_needed_key_are_refused_whole(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    content = '{"user": "anna", "event": "visit", "ts": "2026-03-02"}\n' * 3
    with pytest.raises(FileRefusedError, match="none of the file's first 3 records") as refused:
        load(sqlite_engine, "events", tmp_path / "e.jsonl", content)
    assert '--map "user=customer_id" --map "ts=at"' in (refused.value.help or "")


def test_a_json_line_without_a_needed_key_is_rejected_alone(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    content = (
        '{"event": "visit", "at": "2026-03-02"}\n'
        '{"customer_id": "anna", "event": "visit", "at": "2026-03-02"}\n'
    )
    assert counts(load(sqlite_engine, "events", tmp_path / "e.jsonl", content)) == (1, 0, 0, 1)


def test_a_field_from_two_keys_is_refused_before_anything_is_loaded(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    content = (
        '{"customer_id": "anna", "event": "visit", "ts": "2026-03-02"}\n'
        '{"customer_id": "ben", "event": "visit", "ts": "2026-03-02", "at": "2026-03-03"}\n'
    )
    with pytest.raises(FileRefusedError, match='"at" would come from two places'):
        load(sqlite_engine, "events", tmp_path / "e.jsonl", content, maps=("ts=at",))
    assert rows(sqlite_engine, "SELECT * FROM customer") == []


def test_a_field_from_two_keys_far_down_is_that_rows_fault(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    line = '{{"customer_id": "c{}", "event": "visit", "ts": "2026-03-02"{}}}\n'
    content = "".join(line.format(number, "") for number in range(LOOKED_AT))
    content += line.format("x", ', "at": "2026-03-03"')
    content += '{"customer_id": "y", "event": "visit", "at": "2026-03-02"}\n'
    outcome = load(sqlite_engine, "events", tmp_path / "e.jsonl", content, maps=("ts=at",))
    assert counts(outcome) == (LOOKED_AT + 1, 0, 0, 1)
    assert '"at" would come from two places' in next(iter(outcome.reasons))


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("%d/%m/%Y %H:%M %p", "%p"),
        ("%d/%m/%Y %I:%M", "%H"),
        ("%d/%m/%Y %H %I %p", "both the hour"),
        ("%d/%m %H:%M", "no year"),
        ("%Y-%m", "no day"),
        ("%Y %d", "no month"),
        ("%Y-%j-%d", "%j"),
        ("%Y-%m-%d %M", "stands before"),
        ("%Y-%m-%d %H:%M %Z", "%z"),
    ],
)
def test_a_time_format_that_contradicts_itself_is_refused(form: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        instant_reader(form, ZoneInfo("UTC"))


@pytest.mark.parametrize(
    "form",
    ["%d/%m/%Y %I:%M:%S %p", "%Y%m%d", "%d %b %y %H:%M", "%c", "%Y-%j", "%G-W%V-%u", "%Y %W %a"],
)
def test_a_time_format_of_one_reading_is_taken(form: str) -> None:
    instant_reader(form, ZoneInfo("UTC"))


def test_totals_of_the_largest_amounts_fit(engine: Engine, tmp_path: Path) -> None:
    content = HEADER + "".join(
        f"anna,purchase,2026-03-02T10:00:{second:02}Z,{amount}\n"
        for second, amount in enumerate(["100000000000"] * 50 + ["100000000000.01", "9" * 14])
    )
    load(engine, "events", tmp_path / "e.csv", content)
    assert rows(engine, "SELECT count(*), count(money), sum(money) FROM event_value") == [
        (52, 50, 50 * 10**15)
    ]


def test_a_late_event_is_noted_although_an_earlier_one_was(engine: Engine, tmp_path: Path) -> None:
    load(engine, "events", tmp_path / "a.csv", HEADER + "anna,visit,2026-03-02,\n")
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM dirty"))
    load(engine, "events", tmp_path / "b.csv", HEADER + "anna,visit,2026-03-05,\n")
    assert rows(engine, "SELECT count(DISTINCT customer_id) FROM dirty") == [(1,)]
