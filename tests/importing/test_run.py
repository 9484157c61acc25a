"""An import may be killed, run again, and fed with anything: nothing is lost or doubled."""

from __future__ import annotations

import csv
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from loading import contents, load, rows
from sqlalchemy import Engine, event, text

from orchestrator.database import memory_engine, open_engine
from orchestrator.errors import EnvironmentFault, UsageError
from orchestrator.importing.run import ImportOptions, import_file, rejects_path
from orchestrator.migrations.state import upgrade_schema

IMPORT = """
import sys
from pathlib import Path
from orchestrator.database import open_engine
from orchestrator.importing import csv_source, last_rows, run
csv_source.BATCH_ROWS = run.TRANSACTION_ROWS = last_rows.PAGE_ROWS = 1_000
print("ready", flush=True)
run.import_file(open_engine(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
"""


def _events(path: Path, count: int) -> None:
    lines = (
        f"c{n % 997},{('visit', 'purchase')[n % 2]},2026-03-{n % 28 + 1:02}T10:00:00Z,{n}.5\n"
        for n in range(count)
    )
    path.write_text("customer_id,event,at,amount\n" + "".join(lines))


def _customers(path: Path, count: int) -> None:
    lines = (
        f"c{n},c{n}@example.com,{('pro', 'free')[n % 2]},{('news;sms', 'news', '')[n % 3]}\n"
        for n in range(count)
    )
    path.write_text("id,email,plan,subscribed_to\n" + "".join(lines))


def _killed(url: str, kind: str, path: Path, after: float) -> None:
    """Run an import in another process and kill it hard some time after it began."""
    command = [sys.executable, "-c", IMPORT, url, kind, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(after)
        os.kill(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("kind", ["customers", "events"])
def test_a_killed_import_is_completed_by_running_it_again(
    database_url: str, kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    write = _customers if kind == "customers" else _events
    write(path, 20_000)
    for after in (0.15, 0.3, 0.45):
        _killed(database_url, kind, path, after)
    engine = open_engine(database_url)
    import_file(engine, kind, path)  # type: ignore[arg-type]  # a kind
    clean = memory_engine()
    import_file(clean, kind, path)  # type: ignore[arg-type]  # a kind
    counted = "SELECT (SELECT count(*) FROM {}), (SELECT count(DISTINCT {}) FROM {})"
    for table, key in (("customer", "external_id"), ("event", "source_id")):
        query = counted.format(table, key, table)
        assert rows(engine, query) == rows(clean, query)
    for table in ("event_value", "attribute_value", "consent"):
        query = f"SELECT count(*) FROM {table}"
        assert rows(engine, query) == rows(clean, query)
    changed = "SELECT count(DISTINCT customer_id) FROM dirty"
    assert rows(engine, changed) == rows(clean, changed)
    first = "SELECT external_id, first_event_at FROM customer ORDER BY external_id"
    assert rows(engine, first) == rows(clean, first)
    orphans = "SELECT count(*) FROM event_value v LEFT JOIN event e ON e.id = v.event_id WHERE e.id IS NULL"
    assert rows(engine, orphans) == [(0,)]


def test_an_interrupted_batch_leaves_nothing(
    sqlite_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = contents(sqlite_engine)
    _events(tmp_path / "e.csv", 10)
    with pytest.raises(KeyboardInterrupt):
        import_file(sqlite_engine, "events", tmp_path / "e.csv", progress=interrupt)
    assert contents(sqlite_engine) == before


def test_a_full_disk_is_one_sentence_and_keeps_no_half_batch(
    sqlite_url: str, tmp_path: Path
) -> None:
    engine = open_engine(sqlite_url)
    before = contents(engine)
    _events(tmp_path / "e.csv", 20_000)

    @event.listens_for(engine, "connect")
    def _fill_the_disk(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 150")

    with pytest.raises(EnvironmentFault, match="is full"):
        import_file(engine, "events", tmp_path / "e.csv")
    assert contents(open_engine(sqlite_url)) == before


def test_a_missing_file_is_one_sentence(sqlite_engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="cannot be read: No such file"):
        import_file(sqlite_engine, "events", tmp_path / "no.csv")
    (tmp_path / "dir.csv").mkdir()
    with pytest.raises(EnvironmentFault, match="cannot be read: Is a directory"):
        import_file(sqlite_engine, "events", tmp_path / "dir.csv")


def test_rejects_never_overwrite_the_file_itself(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the imported file itself"):
        rejects_path(tmp_path / "x.csv", tmp_path / "." / "x.csv")
    assert rejects_path(Path("a/shop.csv.gz"), None) == Path("shop.rejects.csv")


def test_formulas_in_rejected_rows_are_inert(sqlite_engine: Engine, tmp_path: Path) -> None:
    content = "id,email\n=cmd|' /C calc'!A0,no\n@SUM(1),no\n-2+3,no\n"
    load(sqlite_engine, "customers", tmp_path / "c.csv", content)
    written = (tmp_path / "c.csv.rejects.csv").read_text().splitlines()[1:]
    assert [line.split(",", 2)[2].lstrip('"')[:2] for line in written] == ["'=", "'@", "'-"]


def test_rejects_stand_in_the_order_of_the_file(sqlite_engine: Engine, tmp_path: Path) -> None:
    bad = (
        "anna,,2026-03-02,1\n",  # refused when it is parsed
        "anna,visit\n",  # refused when it is read
        "anna,visit,never,1\n",
        'anna,visit,2026-03-02,"1\n',
        ",visit,2026-03-02,1\n",
    )
    path = tmp_path / "e.csv"
    path.write_text("customer_id,event,at,amount\n" + "".join(bad))
    options = ImportOptions(rejects=tmp_path / "r.csv")
    import_file(sqlite_engine, "events", path, options=options)
    with (tmp_path / "r.csv").open(newline="") as file:
        assert [row["line"] for row in csv.DictReader(file)] == ["2", "3", "4", "5", "6"]


def test_no_rejects_file_without_rejects(sqlite_engine: Engine, tmp_path: Path) -> None:
    load(sqlite_engine, "customers", tmp_path / "c.csv", "id\nanna\n")
    assert os.listdir(tmp_path / ".") and not (tmp_path / "c.csv.rejects.csv").exists()


def test_an_empty_table_of_rows_is_fine(engine: Engine, tmp_path: Path) -> None:
    assert load(engine, "events", tmp_path / "e.csv", "customer_id,event,at\n").rows == 0


def test_two_imports_at_once_load_everything_once(database_url: str, tmp_path: Path) -> None:
    _events(tmp_path / "e.csv", 6_000)
    command = [sys.executable, "-c", IMPORT, database_url, "events", str(tmp_path / "e.csv")]
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait() for process in running] == [0, 0]
    engine = open_engine(database_url)
    assert rows(engine, "SELECT count(*) FROM event") == [(6_000,)]
    assert rows(engine, "SELECT count(*) FROM event_value") == [(6_000,)]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    # Not ru_maxrss: that of a process begins with what its parent took.
    script = IMPORT.replace("1_000", "10_000") + (
        "from pathlib import Path\nstatus = Path('/proc/self/status').read_text()\n"
        "print(int(status.split('VmHWM:')[1].split()[0]) // 1024)\n"
    )
    peaks = []
    for number, count in enumerate((60_000, 240_000)):
        url = f"sqlite:///{tmp_path}/{number}.db"
        upgrade_schema(open_engine(url))
        path = tmp_path / f"{number}.csv"
        _events(path, count)
        limited = script.replace(
            "csv_source.BATCH_ROWS",
            "from orchestrator import sqlite_file\nsqlite_file.MAIN_CACHE_KIB = 8_192\n"
            "csv_source.BATCH_ROWS",
        )
        command = [sys.executable, "-c", limited, url, "events", str(path)]
        peaks.append(int(subprocess.check_output(command, text=True).split()[-1]))
    assert peaks[1] < peaks[0] + 25


def test_statistics_are_there_after_many_rows(sqlite_engine: Engine, tmp_path: Path) -> None:
    _events(tmp_path / "e.csv", 2_000)
    import_file(sqlite_engine, "events", tmp_path / "e.csv")
    with sqlite_engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM sqlite_stat1"))
