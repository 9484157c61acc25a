"""Databases open as they should, leave no trace when read, and fail in one sentence."""

from __future__ import annotations

import hashlib
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from select import select as select_ready
from threading import Event, Thread, Timer
from typing import Any

import pytest
from sqlalchemy import Engine, func, insert, make_url, select, text

from orchestrator import tables
from orchestrator.database import (
    begin_facts,
    default_url,
    memory_engine,
    open_engine,
    place_of,
    start_snapshot,
    summarize_statistics,
)
from orchestrator.database_faults import database_faults
from orchestrator.errors import EnvironmentFault
from orchestrator.migrations.state import upgrade_schema


def _customers(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(tables.customer)) or 0


def _add(engine: Engine, external_id: str) -> None:
    with engine.begin() as connection:
        connection.execute(insert(tables.customer).values(external_id=external_id, base=1))


def _traces(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in folder.iterdir()
    }


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A SQLite file with one customer."""
    path = tmp_path / "shop.db"
    engine = open_engine(str(path))
    upgrade_schema(engine)
    _add(engine, "anna")
    return path


def test_the_default_is_a_file_of_the_project_that_git_ignores(tmp_path: Path) -> None:
    engine = open_engine(default_url(tmp_path))
    upgrade_schema(engine)
    assert sorted(os.listdir(tmp_path / ".clm")) == [".gitignore", "clm.db"]
    assert (tmp_path / ".clm" / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}", "sqlite+pysqlite:///{}"])
def test_a_path_and_a_url_name_the_same_file(shop: Path, form: str) -> None:
    assert _customers(open_engine(form.format(shop))) == 1


@pytest.mark.parametrize("name", ["a b.db", "a?b=c#d.db", "ä%20.db"])
def test_odd_file_names_are_names(tmp_path: Path, name: str) -> None:
    upgrade_schema(open_engine(str(tmp_path / name)))
    assert os.listdir(tmp_path) == [name]


def test_writers_are_durable_and_wait_for_each_other(shop: Path) -> None:
    with open_engine(str(shop)).connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "mmap_size", "temp_store")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "busy_timeout": 30_000,
        "mmap_size": 0,
        "temp_store": 1,
    }


def test_a_writing_transaction_takes_the_lock_at_its_beginning(shop: Path) -> None:
    engine = open_engine(str(shop))
    with engine.begin() as connection:
        connection.execute(text("SELECT 1"))
        other = sqlite3.connect(shop, timeout=0, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
    with engine.connect().execution_options(sqlite_begin="DEFERRED") as connection:
        connection.execute(text("SELECT 1"))
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    other.close()


def test_a_failed_transaction_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(RuntimeError), engine.begin() as connection:
        connection.execute(insert(tables.customer).values(external_id="ben", base=1))
        raise RuntimeError
    assert _customers(engine) == 0


def test_reading_leaves_no_trace(shop: Path) -> None:
    before = _traces(shop.parent)
    with open_engine(str(shop), read_only=True).connect() as connection:
        connection.execute(text("CREATE TEMP TABLE delta (id INTEGER)"))
        connection.execute(text("INSERT INTO delta SELECT id FROM customer"))
        assert connection.scalar(text("SELECT count(*) FROM delta")) == 1
    assert _traces(shop.parent) == before


def test_reading_keeps_its_snapshot_while_another_process_writes(shop: Path) -> None:
    reader, writer = open_engine(str(shop), read_only=True), open_engine(str(shop))
    with reader.connect() as connection:
        count = select(func.count()).select_from(tables.customer)
        assert connection.scalar(count) == 1
        _add(writer, "ben")
        assert connection.scalar(count) == 1
    assert _customers(reader) == 2
    assert os.listdir(shop.parent) == ["shop.db"]


def test_reading_sees_what_a_killed_writer_had_committed(shop: Path) -> None:
    script = (
        "import os, sqlite3\n"
        f"db = sqlite3.connect({str(shop)!r}, isolation_level=None)\n"
        "db.execute(\"INSERT INTO customer (external_id, base) VALUES ('ben', 1)\")\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=False)
    before = _traces(shop.parent)
    assert _customers(open_engine(str(shop), read_only=True)) == 2
    after = _traces(shop.parent)
    assert {name for name, trace in before.items() if trace != after[name]} <= {"shop.db-shm"}


def test_reading_a_database_that_is_not_in_wal_mode(shop: Path) -> None:
    plain = sqlite3.connect(shop)
    plain.execute("PRAGMA journal_mode = DELETE")
    plain.close()
    before = _traces(shop.parent)
    assert _customers(open_engine(str(shop), read_only=True)) == 1
    assert _traces(shop.parent) == before


def test_a_file_that_cannot_be_written_can_be_read(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # a read-only disk, also for root
    before = _traces(shop.parent)
    assert _customers(open_engine(str(shop), read_only=True)) == 1
    assert _traces(shop.parent) == before


def test_reading_refuses_to_write_facts(shop: Path) -> None:
    with pytest.raises(EnvironmentFault, match="cannot be written"), database_faults():
        _add(open_engine(str(shop), read_only=True), "ben")


def test_a_snapshot_on_postgresql_writes_temp_tables_only(postgres_url: str) -> None:
    engine = open_engine(postgres_url, read_only=True)
    with engine.connect() as connection:
        connection.execute(text("CREATE TEMP TABLE delta (id BIGINT)"))
        connection.commit()
        start_snapshot(connection)
        connection.execute(text("INSERT INTO delta VALUES (1)"))
        connection.execute(text("ANALYZE delta"))
        with pytest.raises(EnvironmentFault, match="cannot be written"), database_faults():
            connection.execute(insert(tables.customer).values(external_id="ben", base=1))


def test_postgresql_gets_our_settings_and_the_urls_win(postgres_url: str) -> None:
    joiner = "&" if "?" in postgres_url else "?"
    url = f"{postgres_url}{joiner}options=-c%20work_mem%3D64MB"
    with open_engine(url).connect() as connection:
        assert connection.scalar(text("SHOW jit")) == "off"
        assert connection.scalar(text("SHOW lock_timeout")) == "30s"
        assert connection.scalar(text("SHOW work_mem")) == "64MB"


def test_the_driver_itself_says_nothing_on_stderr(
    postgres_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    script = (
        "import logging, sys; from orchestrator.database import open_engine\n"
        "open_engine(sys.argv[1])\n"
        "logging.getLogger('psycopg').warning('error ignored terminating: connection lost')"
    )
    subprocess.run([sys.executable, "-c", script, postgres_url], check=True)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems name these options otherwise")
def test_a_server_that_is_gone_without_a_word_is_noticed(postgres_url: str) -> None:
    """By TCP it is asked for signs of life; the server of these tests listens to no TCP itself."""
    url = make_url(postgres_url)
    path = f"{url.query['host']}/.s.PGSQL.{url.port or url.query.get('port', 5432)}"
    with socket.create_server(("127.0.0.1", 0)) as listening, relayed(listening, path):
        port = listening.getsockname()[1]
        by_tcp = url.difference_update_query(["host"]).set(host="127.0.0.1", port=port)
        with open_engine(by_tcp.render_as_string(hide_password=False)).connect() as connection:
            driver: Any = connection.connection.driver_connection
            with socket.socket(fileno=os.dup(driver.fileno())) as wire:
                assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
                assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000


@contextmanager
def relayed(listening: socket.socket, path: str) -> Iterator[None]:
    """Pass one connection on to a socket of the file system, and back."""

    def serve() -> None:
        near, _ = listening.accept()
        far = socket.socket(socket.AF_UNIX)
        far.connect(path)
        with near, far:
            while True:
                for one in select_ready([near, far], [], [])[0]:
                    said = one.recv(65_536)
                    if not said:
                        return
                    (far if one is near else near).sendall(said)

    serving = Thread(target=serve)
    serving.start()
    yield
    serving.join()


def test_the_memory_database_has_all_tables() -> None:
    engine = memory_engine()
    _add(engine, "anna")
    assert _customers(engine) == 1
    assert place_of(engine) == "memory"


def test_statistics_are_taken_on_both(engine: Engine) -> None:
    _add(engine, "anna")
    summarize_statistics(engine)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://me:secret@host/x", "begins with “mysql://”"),
        ("sqlite://", "names no file"),
        (":memory:", "names no file"),
        ("postgresql://me:secret@host:port/x", "its port is not a number"),
        ("postgresql://me:secret@[::1]:port/x", "its port is not a number"),
        ("me:secret", "it has no “://”"),
        ("me:secret@host/x", "it has no “://”"),
        ("secret@host", "it has no “://”"),
        ("sqlite:////nowhere/at/all.db", "folder /+nowhere/at for the database does not exist"),
        ("postgresql://me:secret@nowhere.invalid/x", "no such database host"),
        ("postgresql://me:secret@127.0.0.1:1/x", "No database server answers"),
    ],
)
def test_what_cannot_be_opened_is_one_sentence_without_the_password(
    url: str, sentence: str
) -> None:
    with pytest.raises(EnvironmentFault, match=sentence) as caught, database_faults():
        open_engine(url).connect()
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_does_not_answer_is_named_with_a_way_out() -> None:
    with pytest.raises(EnvironmentFault) as caught, database_faults():
        open_engine("postgresql://me:secret@127.0.0.1:1/x").connect()
    assert str(caught.value) == "No database server answers at 127.0.0.1, port 1."
    assert "CLM_DATABASE_URL" in (caught.value.help or "")


def test_postgresql_names_a_missing_database_and_a_wrong_user(empty_postgres_url: str) -> None:
    url = make_url(empty_postgres_url)
    elsewhere = url.set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(EnvironmentFault, match="no such database"), database_faults():
        open_engine(elsewhere).connect()
    nobody = url.set(username="nobody").render_as_string(hide_password=False)
    with pytest.raises(EnvironmentFault, match="user name or the password"), database_faults():
        open_engine(nobody).connect()


def test_a_missing_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="There is no database at"):
        open_engine(str(tmp_path / "no.db"), read_only=True)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("read_only", [True, False])
def test_another_file_is_refused_and_left_alone(tmp_path: Path, *, read_only: bool) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but longer than the header of one")
    with pytest.raises(EnvironmentFault, match="is not a database file"), database_faults():
        open_engine(str(path), read_only=read_only).connect()
    assert path.read_text().startswith("not a database")


@pytest.mark.parametrize("read_only", [True, False])
def test_a_database_of_another_programme_is_refused_and_left_alone(
    tmp_path: Path, *, read_only: bool
) -> None:
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE bookmarks (url)")
    other.close()
    before = _traces(tmp_path)
    with pytest.raises(EnvironmentFault, match="another programme"), database_faults():
        open_engine(str(path), read_only=read_only).connect()
    assert _traces(tmp_path) == before


def test_a_damaged_file_is_named_as_such(shop: Path) -> None:
    damaged = bytearray(shop.read_bytes())
    damaged[100:4096] = b"\xff" * 3_996
    shop.write_bytes(damaged)
    with pytest.raises(EnvironmentFault, match="damaged"), database_faults():
        _customers(open_engine(str(shop)))


def test_a_full_disk_keeps_nothing(shop: Path) -> None:
    engine = open_engine(str(shop))
    with pytest.raises(EnvironmentFault, match="is full"), database_faults():
        with engine.begin() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 80")
            rows = [{"external_id": f"{n:>500}", "base": 1} for n in range(1_000)]
            connection.execute(insert(tables.customer), rows)
    assert _customers(engine) == 1


def test_a_lock_that_is_not_given_up_is_one_sentence(shop: Path) -> None:
    other = sqlite3.connect(shop, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(EnvironmentFault, match="locked by another process"), database_faults():
        with open_engine(str(shop)).connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute("PRAGMA busy_timeout = 10")
            connection.execute(text("SELECT 1"))
    other.close()


def test_our_own_mistakes_are_not_called_faults(engine: Engine) -> None:
    with pytest.raises(Exception, match="nowhere") as caught, database_faults():
        with engine.connect() as connection:
            connection.execute(text("SELECT * FROM nowhere"))
    assert not isinstance(caught.value, EnvironmentFault)


def test_who_writes_facts_waits_for_the_other_and_tries_again(postgres_url: str) -> None:
    """A lock held longer than ``lock_timeout`` is waited for anew: nothing was done yet."""
    impatient = make_url(postgres_url).update_query_dict({"options": "-c lock_timeout=50ms"})
    engine = open_engine(impatient.render_as_string(hide_password=False))
    released = Event()
    with engine.connect() as one, engine.connect() as other:
        first = begin_facts(one)

        def release() -> None:
            released.set()
            first.commit()

        releasing = Timer(0.3, release)
        releasing.start()
        with begin_facts(other):
            assert released.is_set()
        releasing.join()


def test_statistics_wait_for_nobody_and_stand_in_nobodys_way(
    postgres_url: str,
) -> None:
    """A tick holds ``tick`` and waits for ``customer``: the other way round they would deadlock."""
    impatient = make_url(postgres_url).update_query_dict({"options": "-c lock_timeout=200ms"})
    engine = open_engine(impatient.render_as_string(hide_password=False))
    with open_engine(postgres_url).begin() as other:
        other.execute(text("LOCK TABLE tick IN EXCLUSIVE MODE"))
        summarize_statistics(engine)
        other.execute(text("LOCK TABLE customer IN SHARE UPDATE EXCLUSIVE MODE NOWAIT"))
