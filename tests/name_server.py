"""A name server on loopback: it answers from a table, or says nothing at all."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Thread

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Records = Mapping[tuple[str, str], list[str]]
"""(name without its last dot, kind) → records in the form of zone files."""
SERVFAIL = "SERVFAIL"
"""A record that makes the server fail for its name."""


@contextmanager
def name_server(records: Records, *, silent: bool = False) -> Iterator[tuple[str, int]]:
    """Serve records over UDP; yields (host, port).

    Args:
        silent: take every question and answer none.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(0.05)
        ended: list[bool] = []

        def serve() -> None:
            while not ended:
                try:
                    octets, whom = listener.recvfrom(4096)
                except TimeoutError:
                    continue
                if not silent:
                    listener.sendto(_answer(octets, records), whom)

        thread = Thread(target=serve)
        thread.start()
        try:
            host, port = listener.getsockname()
            yield host, port
        finally:
            ended.append(True)
            thread.join()


def _answer(octets: bytes, records: Records) -> bytes:
    asked = dns.message.from_wire(octets)
    answer = dns.message.make_response(asked)
    answer.flags |= dns.flags.RA
    question = asked.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    texts = records.get((name, dns.rdatatype.to_text(question.rdtype)), [])
    if SERVFAIL in texts:
        answer.set_rcode(dns.rcode.SERVFAIL)
    elif texts:
        answer.answer.append(
            dns.rrset.from_text_list(question.name, 60, question.rdclass, question.rdtype, texts)
        )
    elif not any(known == name for known, _ in records):
        answer.set_rcode(dns.rcode.NXDOMAIN)
    return answer.to_wire()
