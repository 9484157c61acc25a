"""One HTTP exchange: whom it may reach, how long it may take, and what its end means."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from freezegun import freeze_time
from http_double import HttpDouble, Script, answering, dripping, dropping

from orchestrator.channels.outcome import Outcome, accepted
from orchestrator.channels.reach import NotReachable, Reach
from orchestrator.channels.web import (
    LARGEST_ANSWER,
    Answer,
    NoAnswer,
    NotTaken,
    Web,
    attempt,
    by_api_status,
    by_status,
    retry_after,
)

LOOPBACK = Reach((ip_network("127.0.0.0/8"),))


@pytest.fixture
def provider() -> Iterator[HttpDouble]:
    with HttpDouble() as double:
        yield double


_opened: list[Web] = []


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    yield
    while _opened:
        _opened.pop().close()


def web(reach: Reach = LOOPBACK, seconds: float = 5) -> Web:
    _opened.append(Web(reach, timedelta(seconds=seconds)))
    return _opened[-1]


PRIVATE = [
    "http://127.0.0.1/", "http://127.1/", "http://0.0.0.0/", "http://0/", "http://[::1]/",
    "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:169.254.169.254]/",
    "http://169.254.169.254/latest/meta-data/", "http://2130706433/", "http://0x7f000001/",
    "http://0177.0.0.1/", "http://0x7f.1/", "http://10.0.0.1/", "http://172.16.3.4/",
    "http://192.168.1.1/", "http://100.64.0.1/", "http://198.18.0.1/", "http://192.0.0.8/",
    "http://240.0.0.1/", "http://255.255.255.255/", "http://224.0.0.1/", "http://[fe80::1]/",
    "http://[fc00::1]/", "http://[fec0::1]/", "http://[::127.0.0.1]/", "http://[::ffff:0:a00:1]/",
    "http://[5f00::1]/", "http://[3fff::1]/", "http://192.88.99.1/", "http://[fd00:ec2::254]/", "http://[ff02::1]/", "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/", "http://[2001:db8::1]/", "http://localhost/", "http://LOCALHOST./",
]  # fmt: skip
ODD = [
    "file:///etc/passwd", "gopher://127.0.0.1:70/_x", "unix:/run/x.sock", "ftp://shop.example/",
    "//shop.example/", "http://", "https:///path", "http://good@evil.example/",
    "http://good:pw@evil.example/", "http://good#@evil.example/@", "http://shop.example\\@evil/",
    "http://shop.example/a b", "http://shop.example/\r\nX: y", "http://shop.example:25/",
    "http://shop.example:6379/", "http://shop.example:22/", "http://shop.example:99999/",
    "http://shop\u3002example/", "http://shöp.example/", "http://[::1", "http://shop.example:-1/",
]  # fmt: skip


@pytest.mark.parametrize("url", PRIVATE)
def test_nothing_but_public_addresses_is_connected_to(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "create_connection", _never)

    with pytest.raises((NotReachable, NotTaken)):
        web(Reach()).post(url, b"", {})


@pytest.mark.parametrize("url", [url for url in ODD if url != "http://good#@evil.example/@"])
def test_an_odd_address_is_refused_before_any_name_is_asked_for(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _never)

    with pytest.raises(NotReachable):
        web(Reach()).post(url, b"", {})


def _never(*args: Any, **options: Any) -> Any:
    pytest.fail("it went out")


def names(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
    """Let every name resolve to these addresses, asked again to the next ones."""
    left = list(answers)

    def resolve(host: str, port: int, *args: Any, **options: Any) -> list[Any]:
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def test_one_private_address_among_several_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names(monkeypatch, ["93.184.216.34", "10.0.0.7"])
    monkeypatch.setattr(socket, "create_connection", _never)

    with pytest.raises(NotReachable, match=r"shop\.example is not a public address"):
        web(Reach()).post("https://shop.example/", b"", {})


def test_the_address_that_was_checked_is_the_one_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    asked: list[str] = []

    def connect(address: tuple[str, int], *args: Any, **options: Any) -> Any:
        asked.append(address[0])
        raise OSError("no network")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(NotTaken):
        web(Reach()).post("https://shop.example/", b"", {})
    assert asked == ["93.184.216.34"]


def test_a_named_network_is_reached_on_any_port(provider: HttpDouble) -> None:
    answer = web().post(f"{provider.url}/hook", b"body", {"x-one": "1"})

    assert (answer.status, answer.body) == (200, b"{}")
    (request,) = provider.requests
    assert (request.path, request.body, request.headers["x-one"]) == ("/hook", b"body", "1")


def test_a_redirect_is_not_followed(provider: HttpDouble) -> None:
    provider.answer(302, b"", Location=f"{provider.url}/secret")

    assert web().post(provider.url, b"", {}).status == 302
    assert len(provider.requests) == 1


def test_connections_are_kept(provider: HttpDouble) -> None:
    with_one = web()
    seen: set[int] = set()
    ordinary = provider.script

    def script(handler: Any) -> None:
        seen.add(handler.client_address[1])
        ordinary(handler)

    provider.script = script
    for _ in range(3):
        with_one.post(provider.url, b"x", {})
    with_one.close()
    with_one.post(provider.url, b"x", {})
    with_one.close()
    assert len(seen) == 2


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def saying(octets: bytes) -> Script:
    """Answer by these octets, as they are."""

    def say(handler: Any) -> None:
        handler.wfile.write(octets)

    return say


@pytest.mark.parametrize(
    "twice", [SIZED * 2, CHUNKED * 2, SIZED + CHUNKED, SIZED + SIZED[:4], SIZED + b"x"]
)
def test_an_answer_that_comes_twice_is_not_taken_for_the_next_ones(
    provider: HttpDouble, twice: bytes
) -> None:
    provider.script = saying(twice)
    client = web()
    assert client.post(provider.url, b"first", {}).status == 200
    provider.answer(500)
    assert client.post(provider.url, b"second", {}).status == 500
    assert [one.body for one in provider.requests] == [b"first", b"second"]


@pytest.mark.parametrize(
    "odd",
    [
        b"HTTP/1.1 204 No\r\nContent-Length: 10\r\n\r\n0123456789",
        b"HTTP/1.1 204 No\r\n\r\n0123456789",
        b"HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 304 Same\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + SIZED,
        b"HTTP/1.1 103 Hints\r\nContent-Length: 5\r\n\r\n" + SIZED,
        CHUNKED.replace(b"Transfer", b"Content-Length: 12\r\nTransfer"),
        CHUNKED.replace(b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n"),
        CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
        SIZED.replace(b"\r\n", b"\n"),
        SIZED.replace(b"{}", b"{}hello"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ids=repr,
)
def test_a_connection_is_left_when_an_answer_has_an_odd_end(
    provider: HttpDouble, odd: bytes
) -> None:
    provider.script = saying(odd)
    client = web()
    for _ in range(2):
        with suppress(NoAnswer):
            client.post(provider.url, b"first", {})
    provider.answer(500)
    assert client.post(provider.url, b"second", {}).status == 500
    assert [one.body for one in provider.requests] == [b"first", b"first", b"second"]


@pytest.mark.parametrize("once", [SIZED, CHUNKED, b"HTTP/1.1 204 Fine\r\n\r\n"])
def test_a_connection_is_kept_whatever_way_an_answer_ends(
    provider: HttpDouble, once: bytes
) -> None:
    seen: set[int] = set()

    def script(handler: Any) -> None:
        seen.add(handler.client_address[1])
        handler.wfile.write(once)

    provider.script = script
    client = web()
    for _ in range(3):
        client.post(provider.url, b"x", {})
    assert len(seen) == 1


def test_nobody_there_is_not_taken() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    with pytest.raises(NotTaken, match=r"^its server cannot be reached: Connection refused$"):
        web().post(f"http://127.0.0.1:{port}/", b"", {})
    with pytest.raises(NotTaken, match=f"^127.0.0.1:{port} cannot be reached: Connection refused$"):
        web(Reach(everywhere=True)).post(f"http://127.0.0.1:{port}/ana@shop.example", b"", {})


def test_a_name_that_does_not_resolve_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*args: Any, **options: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    says = r"^sms\.example:443 cannot be reached: Name or service not known$"
    with pytest.raises(NotTaken, match=says):
        web(Reach(everywhere=True)).post("https://sms.example/", b"", {})


def test_a_connection_that_breaks_after_the_body_leaves_a_doubt(provider: HttpDouble) -> None:
    provider.script = dropping

    with pytest.raises(NoAnswer):
        web().post(provider.url, b"body", {})


def test_a_body_that_nobody_reads_is_not_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"

        with pytest.raises(NotTaken):
            web(seconds=0.5).post(url, b"x" * 30_000_000, {})


def test_an_answer_that_drips_ends_with_the_deadline(provider: HttpDouble) -> None:
    provider.script = dripping
    began = time.monotonic()

    with pytest.raises(NoAnswer):
        web(seconds=0.5).post(provider.url, b"body", {})
    assert time.monotonic() - began < 4


def test_an_endless_answer_is_read_so_far(provider: HttpDouble) -> None:
    provider.answer(200, b"x" * (LARGEST_ANSWER * 4))

    assert len(web().post(provider.url, b"", {}).body) == LARGEST_ANSWER


def test_no_header_can_be_smuggled_in() -> None:
    with pytest.raises(NotReachable):
        web().post("http://127.0.0.1:1/", b"", {"x": "a\r\nEvil: 1"})


@pytest.mark.parametrize(
    ("status", "kind"),
    [(301, "rejected"), (400, "rejected"), (401, "refused"), (403, "refused"), (404, "rejected"),
     (408, "deferred"), (410, "rejected"), (422, "rejected"), (425, "deferred"), (429, "deferred"),
     (500, "unknown"), (502, "unknown"), (503, "deferred"), (504, "unknown")],
)  # fmt: skip
def test_what_a_status_means(status: int, kind: str) -> None:
    assert by_status(Answer(status, {}, b"")).kind == kind


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [(301, None, "refused"), (308, "7", "refused"), (402, "7", "refused"), (407, None, "refused"),
     (421, None, "refused"), (426, None, "refused"), (404, None, "refused"),
     (404, "404", "refused"), (405, None, "refused"), (404, "20409", "rejected"),
     (405, "7", "rejected"), (400, None, "rejected"), (410, None, "rejected"),
     (401, None, "refused"), (429, None, "deferred"), (500, None, "unknown")],
)  # fmt: skip
def test_what_is_about_us_is_no_message_s_fault_where_all_go_to_one_url(
    status: int, code: str | None, kind: str
) -> None:
    assert by_api_status(Answer(status, {}, b""), code=code).kind == kind


@pytest.mark.parametrize("status", [301, 302, 307, 308, 404, 405])
def test_a_status_of_a_url_where_no_provider_is_says_so(status: int) -> None:
    says = f"HTTP {status}; perhaps the provider's url is mistyped"
    assert by_status(Answer(status, {}, b"")).detail == says
    assert by_status(Answer(status, {}, b""), detail="gone").detail == "gone"


@pytest.mark.parametrize(
    ("status", "code"), [(404, "UNREGISTERED"), (400, None), (410, None), (422, None)]
)
def test_what_a_provider_refuses_is_no_mistyped_url(status: int, code: str | None) -> None:
    assert by_status(Answer(status, {}, b""), code=code).detail == f"HTTP {status}"


def test_too_many_is_no_fault_of_the_provider() -> None:
    assert by_status(Answer(429, {"retry-after": "7"}, b"")).fault == "message"
    assert by_status(Answer(503, {}, b"")).fault == "provider"


@freeze_time("2026-03-02T09:00:00Z")
@pytest.mark.parametrize(
    ("said", "seconds"),
    [("120", 120), ("Mon, 02 Mar 2026 09:05:00 GMT", 300), ("Mon, 02 Mar 2026 08:00:00 GMT", 0),
     ("", None), ("soon", None), ("-5", None), ("99999999999", None), ("٣", None), ("²", None),
     ("Mon, 01 Jan 2026 00:00:00 +99999999999999999999", None),
     ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
     ("Mon, 99 Jan 2026 25:61:61 GMT", None), (", , ,", None)],
)  # fmt: skip
def test_when_to_ask_again(said: str, seconds: int | None) -> None:
    found = retry_after(Answer(503, {"retry-after": said}, b""))
    assert found == (None if seconds is None else timedelta(seconds=seconds))


def test_each_end_becomes_an_outcome(provider: HttpDouble) -> None:
    def outcome(url: str, **options: Any) -> Outcome:
        client = web(**options)
        return attempt(
            lambda: client.post(url, b"x", {}),
            lambda answer: accepted("1") if answer.status == 200 else by_status(answer),
        )

    assert outcome(provider.url).kind == "accepted"
    assert outcome(provider.url, reach=Reach()).kind == "rejected"
    provider.script = dropping
    assert outcome(provider.url).kind == "unknown"
    provider.script = answering(503)
    assert outcome(provider.url).kind == "deferred"
    assert outcome("http://127.0.0.1:1/").kind == "deferred"
