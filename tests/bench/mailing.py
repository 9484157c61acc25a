"""How fast mail is written and handed over, beside the standard library and a bare socket.

Both sides have the same messages. The server is a process of its own: a real one (aiosmtpd), and
one that hardly looks at what it gets. The bare client sends octets that were written before, and
pipelines over one connection; ours writes them meanwhile, over one or four. Both take turns. Run with
``python -m tests.bench.mailing [MESSAGES]``; prints rates, the ratio, and our processor time.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

from aiosmtpd.smtp import SMTP, Envelope, Session
from certificates import ed25519_key, rsa_key
from letters import outgoing

from orchestrator.channels.base import Surroundings
from orchestrator.channels.email import EmailChannel
from orchestrator.channels.mail.compose import Composer, Letter, Manner
from orchestrator.channels.mail.delivering import as_content
from orchestrator.channels.mail.dkim import DkimSigner
from orchestrator.channels.mail.settings import EmailSettings
from orchestrator.channels.message import OutgoingMessage
from orchestrator.language.marks import Mark

ROUNDS = 9
BATCH = 20
"""Messages the dispatcher hands over together."""
PARAGRAPH = '<p style="margin:0 0 12px">Hai {n}, kopi baru – <a href="https://kopi.example/k/{n}">lihat</a>.</p>\n'
LINE = "Hai {n}, ada kopi baru: https://kopi.example/k/{n}\n"


def messages(count: int) -> list[OutgoingMessage]:
    """Return mails of some 6 KB to different people."""
    return [
        replace(
            outgoing(),
            to=f"c{number}@mail.example",
            subject=f"Hai Ayu {number}, kami rindu 👋",
            provider_key=f"{number:040d}",
            html="<!doctype html>\n" + PARAGRAPH.format(n=number) * 40,
            text=LINE.format(n=number) * 20,
        )
        for number in range(count)
    ]


class Rate(NamedTuple):
    """How fast two sides were that took turns."""

    ours: float
    """Per second; the middle one of the rounds, as the peer's."""
    peer: float | None
    ratio: float | None
    """The middle one of the ratios of each pair: what slows a machine down slows both."""
    processor: float
    """Our milliseconds of processor time per 1,000, the least of the rounds."""


def measured(ours: Callable[[], object], peer: Callable[[], object] | None, count: int) -> Rate:
    """Return the rates of two sides that take turns; without a peer, of one."""
    pairs, used = [], []
    for _ in range(ROUNDS):
        theirs = taken(peer)[0] if peer else 0.0
        own, processor = taken(ours)
        pairs.append((own, theirs))
        used.append(processor)
    middle = median(own for own, _ in pairs)
    least = min(used) / count * 1e6
    if peer is None:
        return Rate(count / middle, None, None, least)
    peers = median(theirs for _, theirs in pairs)
    ratio = median(theirs / own for own, theirs in pairs)
    return Rate(count / middle, count / peers, ratio, least)


def taken(action: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of an action, on the clock and of the processor."""
    gc.collect()
    begun, used = perf_counter(), process_time()
    action()
    return perf_counter() - begun, process_time() - used


# --- writing ----------------------------------------------------------------------------


def by_hand(message: OutgoingMessage) -> bytes:
    """Write a message as the standard library's manual does."""
    assert message.sender is not None
    assert message.unsubscribe is not None
    mail = EmailMessage()
    mail["From"] = f"{message.sender.name} <{message.sender.address}>"
    mail["Reply-To"] = message.sender.reply_to
    mail["To"] = message.to
    mail["Subject"] = message.subject
    mail["Date"] = message.created_at
    mail["Message-ID"] = f"<{message.provider_key}@kopi.example>"
    mail["List-Unsubscribe"] = f"<{message.unsubscribe.url}>, <mailto:{message.unsubscribe.mailto}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail["List-Id"] = "<newsletter.kopi_kain.kopi.example>"
    mail["Feedback-ID"] = "win_back:we_miss_you:kopi_kain:kopi.example"
    mail["Auto-Submitted"] = "auto-generated"
    mail["Precedence"] = "bulk"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    return mail.as_bytes()


def writing(count: int) -> Iterator[tuple[str, Rate]]:
    """Yield (what, rates) of writing messages."""
    all_of_them = messages(count)
    few = all_of_them[: max(1, count // 20)]

    def ours(manner: Manner, some: Sequence[OutgoingMessage]) -> Callable[[], object]:
        composer = Composer(manner)
        return lambda: [composer.letter(message) for message in some]

    def peer() -> None:
        for message in few:
            by_hand(message)

    beside = measured(ours(Manner(), few), peer, len(few))
    alone = measured(ours(Manner(), all_of_them), None, count)
    yield "writing text and HTML, no DKIM", beside._replace(processor=alone.processor)
    for name, make in (("RSA 2048", rsa_key), ("Ed25519", ed25519_key)):
        signer = DkimSigner("kopi.example", "s1", make()[0])
        signed = measured(ours(Manner(signer=signer), all_of_them), None, count)
        yield f"  with DKIM, {name}", signed


# --- handing over -----------------------------------------------------------------------

_REPLIES = {
    b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
    b"MAIL": b"250 2.1.0 Ok\r\n",
    b"RCPT": b"250 2.1.5 Ok\r\n",
    b"DATA": b"354 Go\r\n",
}


def blind_sink(port: Any) -> None:
    """Take whatever comes, hardly looking at it, for as long as the process lives."""
    asyncio.run(_sink(port))


class _Pipelining:
    """What aiosmtpd asks while it takes mail: all is well."""

    async def handle_EHLO(  # noqa: N802 - aiosmtpd finds it by its name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, said: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*said[:1], "250-PIPELINING", *said[1:]]


def real_server(port: Any) -> None:
    """Take mail as aiosmtpd does, for as long as the process lives."""

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(_Pipelining()), "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


async def _sink(port: Any) -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, limit=1_000_000)
    port.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one connection until it ends."""
    writer.write(b"220 sink\r\n")
    number = 0
    with suppress(OSError):
        while line := await reader.readline():
            writer.write(_REPLIES.get(line[:4], b"250 Ok\r\n"))
            if line == b"DATA\r\n":
                await reader.readuntil(b"\r\n.\r\n")
                number += 1
                writer.write(b"250 2.0.0 Ok: queued as Q%08d\r\n" % number)
    writer.close()


@contextmanager
def running(sink: Callable[[Any], None]) -> Iterator[int]:
    """Let a sink run in a process of its own; returns its port."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=sink, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()


def bare(port: int, letters: Sequence[Letter]) -> None:
    """Send what is written already over one socket; a message costs one round trip."""
    with socket.create_connection(("127.0.0.1", port)) as connected:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        replies = connected.makefile("rb")
        replies.readline()
        connected.sendall(b"EHLO bench\r\n")
        while not replies.readline().startswith(b"250 "):
            pass
        group = b""
        for letter in letters:
            connected.sendall(group + envelope(letter))
            if group:
                assert replies.readline().startswith(b"250 ")
            for expected in (b"250 ", b"250 ", b"354 "):
                assert replies.readline().startswith(expected)
            group = as_content(letter.octets)
        connected.sendall(group)
        assert replies.readline().startswith(b"250 ")


def envelope(letter: Letter) -> bytes:
    """Return the commands before a message's content."""
    return (
        f"MAIL FROM:<{letter.mail_from.spec}>\r\nRCPT TO:<{letter.to.spec}>\r\nDATA\r\n"
    ).encode()


def channel(port: int, connections: int) -> EmailChannel:
    """Return the channel as a project has it whose server is on this machine."""
    settings = EmailSettings(
        mark=Mark("bench", 1, 1), marks={}, host="127.0.0.1", port=port, tls="none",
        connections=connections,
    )  # fmt: skip
    return EmailChannel(settings, Surroundings(project="kopi_kain", folder=Path()))


def carry(over: EmailChannel, all_of_them: Sequence[OutgoingMessage]) -> None:
    """Hand messages over as the dispatcher does; every one must be taken."""
    for begin in range(0, len(all_of_them), BATCH):
        batch = all_of_them[begin : begin + BATCH]
        for _, outcome in over.send_batch(batch, lambda _: True):
            assert outcome is not None
            assert outcome.kind == "accepted"


def handing_over(count: int) -> Iterator[tuple[str, Rate]]:
    """Yield (what, rates) of writing messages and handing them over."""
    all_of_them = messages(count)
    composer = Composer(Manner())
    letters = [composer.letter(message) for message in all_of_them]
    for sink in (real_server, blind_sink):
        for connections in (1, 4):
            with running(sink) as port:
                over = channel(port, connections)
                ours, peer = partial(carry, over, all_of_them), partial(bare, port, letters)
                rate = measured(ours, peer, count)
                over.close()
            yield f"to a {sink.__name__.replace('_', ' ')}, {connections} at a time", rate


def main() -> None:
    """Measure every path."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    print(f"{'path':<32} | {'ours/s':>9} | {'peer/s':>9} | ratio | ms/1,000")
    for path, rate in (*writing(count), *handing_over(count)):
        peer = f"{rate.peer:>9,.0f} | {rate.ratio:>5.2f}" if rate.peer else f"{'':>9} | {'':>5}"
        print(f"{path:<32} | {rate.ours:>9,.0f} | {peer} | {rate.processor:>8.1f}")


if __name__ == "__main__":
    main()
