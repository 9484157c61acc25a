"""Many connections that say little, or say it slowly: everybody else is answered all the same."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from selectors import EVENT_READ, DefaultSelector
from threading import Event, Thread
from typing import NamedTuple

import httpx
import pytest
from anyio import to_thread
from harness import Shop
from ledger import greeted, rows
from serving import ANYWHERE, path_of, served
from starlette.types import Receive, Scope, Send

from orchestrator.server import running
from orchestrator.server.running import Listener, Running, listen

HEAD = b"POST /u/x HTTP/1.1\r\nhost: x\r\n"
SLOW = {
    "nothing": (b"", b""),
    "head": (HEAD, b"x-a: b\r\n"),
    "body": (HEAD + b"content-length: 100000\r\n\r\n", b"x"),
}
"""What is said first, and then twice a second."""
MANY = 300
PEOPLE = 20


class Crowd(NamedTuple):
    """Connections that are held."""

    held: list[socket.socket]
    lost: list[float]
    """When the server hung up on one; it was opened again at once."""


@contextmanager
def crowd(port: int, many: int, first: bytes, then: bytes) -> Iterator[Crowd]:
    """Hold so many slow connections, and open anew what the server hangs up on."""
    held, ended = Crowd([], []), Event()
    selector = DefaultSelector()

    def join() -> None:
        with suppress(OSError):
            one = socket.create_connection(("127.0.0.1", port), timeout=20)
            one.sendall(first)
            selector.register(one, EVENT_READ)
            held.held.append(one)

    def leave(one: socket.socket) -> None:
        selector.unregister(one)
        held.held.remove(one)
        one.close()
        held.lost.append(time.monotonic())

    def drip() -> None:
        while not ended.wait(0.05):
            for key, _ in selector.select(0):
                assert isinstance(key.fileobj, socket.socket)
                leave(key.fileobj)
            if then and int(time.monotonic() * 2) % 2:
                for one in held.held:
                    with suppress(OSError):
                        one.send(then)
            for _ in range(many - len(held.held)):
                join()

    for _ in range(many):
        join()
    thread = Thread(target=drip)
    thread.start()
    try:
        yield held
    finally:
        ended.set()
        thread.join(30)
        selector.close()
        for one in held.held:
            one.close()


@pytest.mark.slow
@pytest.mark.parametrize(("first", "then"), SLOW.values(), ids=SLOW)
def test_customers_can_leave_beside_more_slow_connections_than_there_may_be(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, first: bytes, then: bytes
) -> None:
    monkeypatch.setattr(running, "MOST_CONNECTIONS", MANY * 2 // 3)
    people = [f"c{number}" for number in range(PEOPLE)]
    greeted(shop, *people)
    with served(shop) as front:
        url, port = front.client.base_url, front.client.base_url.port
        assert port is not None
        with crowd(port, MANY, first, then) as held:
            took = []
            for who in people:
                began = time.monotonic()
                with httpx.Client(base_url=url, timeout=30) as client:  # a connection of its own
                    assert client.post(path_of(shop, who)).status_code == 200
                took.append(time.monotonic() - began)
            assert len(held.lost) >= MANY // 3

    print(f"{MANY} slow connections, {PEOPLE} withdrawals: the slowest took {max(took):.2f} s")
    assert max(took) < 5
    assert rows(shop.engine, "SELECT count(*) FROM consent WHERE withdrawn = 1") == [(PEOPLE,)]


# --- who makes room -------------------------------------------------------------------


@contextmanager
def answering(answers: Event) -> Iterator[Listener]:
    """Serve an application whose answer to ``/later`` waits."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/later":
            await to_thread.run_sync(answers.wait, 30)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    found = Running([listen(application, ANYWHERE)])
    found.start()
    try:
        yield found.listeners[0]
    finally:
        answers.set()
        found.stop()


def opened(listener: Listener, octets: bytes = b"", host: str = "127.0.0.1") -> socket.socket:
    one = socket.create_connection(listener.address, timeout=20, source_address=(host, 0))
    one.sendall(octets)
    return one


def asked(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode()


def is_open(one: socket.socket) -> bool:
    one.settimeout(0.3)
    try:
        return bool(one.recv(65_536))
    except TimeoutError:
        return True
    except OSError:
        return False
    finally:
        one.settimeout(20)


def test_who_is_being_answered_makes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MOST_CONNECTIONS", 5)
    answers = Event()
    with answering(answers) as listener:
        first = opened(listener, asked("/later"))
        time.sleep(0.3)
        others = [opened(listener) for _ in range(10)]
        assert [is_open(one) for one in others].count(True) == 4
        assert httpx.get(f"{listener.url}/now", timeout=20).status_code == 200
        answers.set()
        assert first.recv(65_536).startswith(b"HTTP/1.1 200 OK")
        for one in (first, *others):
            one.close()


def test_who_comes_when_all_are_being_answered_is_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running, "MOST_CONNECTIONS", 2)
    answers = Event()
    with answering(answers) as listener:
        busy = []
        for _ in range(3):
            busy.append(opened(listener, asked("/later")))
            time.sleep(0.3)  # until it is being answered: only then it makes no room
        assert httpx.get(f"{listener.url}/now", timeout=20).status_code == 503
        answers.set()
        assert all(one.recv(65_536).startswith(b"HTTP/1.1 200 OK") for one in busy)
        for one in busy:
            one.close()


def test_the_address_with_most_connections_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MOST_CONNECTIONS", 5)
    with answering(Event()) as listener:
        slow_but_alone = opened(listener, HEAD, host="127.0.0.2")
        crowded = [opened(listener, HEAD, host="127.0.0.3") for _ in range(12)]
        assert is_open(slow_but_alone)
        assert [is_open(one) for one in crowded].count(True) == 4
        slow_but_alone.sendall(b"\r\n")
        assert slow_but_alone.recv(65_536).startswith(b"HTTP/1.1 200 OK")
        for one in (slow_but_alone, *crowded):
            one.close()
