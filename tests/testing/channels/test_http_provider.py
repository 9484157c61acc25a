"""The provider with an HTTP interface does as it is told, also as a command."""

from __future__ import annotations

import socket
import subprocess
import sys
from http.client import HTTPConnection
from time import sleep

import pytest

from orchestrator.testing.channels import HttpProvider


def ask(url: str, timeout: float = 5) -> tuple[int, bytes]:
    connection = HTTPConnection(url.removeprefix("http://"), timeout=timeout)
    try:
        connection.request("POST", "/x?y=1", b"hello", {"X-One": "1"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_it_keeps_whole_requests_and_answers_as_it_is_told() -> None:
    with HttpProvider({"accept": (201, b"yes")}) as provider:
        assert ask(provider.url) == (201, b"yes")
        provider.behave("reject")
        assert ask(provider.url)[0] == 422
        provider.behave("down")
        with pytest.raises(OSError, match="refused"):
            ask(provider.url)
        provider.behave("hang")
        with pytest.raises(TimeoutError):
            ask(provider.url, timeout=0.2)
        provider.behave("accept")
        assert ask(provider.url)[0] == 201

        first = provider.arrived()[0]
        assert first.startswith(b"POST /x?y=1\r\n")
        assert b"X-One: 1" in first
        assert first.endswith(b"hello")
        assert len(provider.arrived()) == 4


def test_it_answers_by_what_it_is_asked() -> None:
    with HttpProvider({"accept": lambda body: (200, body.upper())}) as provider:
        assert ask(provider.url) == (200, b"HELLO")


def test_an_answer_that_comes_late_comes_on_the_same_connection() -> None:
    with HttpProvider() as provider:
        connection = HTTPConnection(provider.url.removeprefix("http://"), timeout=5)
        provider.behave("hang")
        connection.request("POST", "/", b"hello")
        while not provider.arrived():
            sleep(0.01)
        provider.behave("reject")
        assert connection.getresponse().read() == b'{"id": "provider-1"}'
        connection.close()


def test_as_a_command_it_prints_what_it_gets() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "orchestrator.testing.channels", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        assert running.stdout.readline() == f"a provider listens at http://127.0.0.1:{port}\n"
        assert ask(f"127.0.0.1:{port}") == (200, b'{"id": "provider-1"}')
        assert running.stdout.readline() == "POST /x?y=1\n"
        running.terminate()


@pytest.mark.parametrize("words", [[], ["x"], ["0"], ["70000"], ["1", "2"]])
def test_a_port_that_is_none_is_a_sentence(words: list[str]) -> None:
    command = [sys.executable, "-m", "orchestrator.testing.channels", *words]

    done = subprocess.run(command, text=True, capture_output=True, check=False)

    assert done.returncode == 2
    assert "8765" in done.stderr
