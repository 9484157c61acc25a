"""One HTTP exchange with a provider: pinned, bounded in time and size, never repeated.

Redirects are not followed. The whole exchange has one deadline, however slowly a provider
drips its answer; what it says beyond 256 KiB is not read.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from orchestrator.channels.outcome import Fault, Outcome, deferred, refused, rejected, unknown
from orchestrator.channels.reach import NotReachable, Reach
from orchestrator.channels.web_wire import TIMEOUTS, is_one_answer, place_of, pool_of, said
from orchestrator.clock import utcnow

if TYPE_CHECKING:
    import httpcore

LARGEST_ANSWER = 256 * 1024
LOCKED_OUT = "the provider does not let us in"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answered."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; of a header that comes twice, the first."""
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON; None if it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


class NotTaken(Exception):
    """The provider cannot have the request: it was not sent whole."""


class NoAnswer(Exception):
    """The request was sent, and what came of it is not known."""


@dataclass
class Web:
    """A provider's end of the wire. For one thread at a time."""

    reach: Reach
    timeout: timedelta
    """Of a whole exchange."""
    verify: ssl.SSLContext | None = None
    """None trusts what the machine trusts."""
    _pool: httpcore.ConnectionPool | None = field(default=None, repr=False)
    _until: float = 0.0
    _octets: bytearray = field(default_factory=bytearray, repr=False)
    """What came in the exchange under way, as far as any answer goes."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post a body and return the answer.

        Raises:
            NotReachable: the address is none that may be called.
            NotTaken: no connection, or it broke before the request was whole.
            NoAnswer: it broke, or time was up, after that.
        """
        return self.exchange("POST", url, body, headers)

    def exchange(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Make one request and return the answer; raises as ``post`` does."""
        import httpcore  # noqa: PLC0415 - costs 60 ms, and most projects call nobody

        self.reach.require(url)
        self._until = time.monotonic() + self.timeout.total_seconds()
        if self._pool is None:
            self._pool = pool_of(self)
        self._octets.clear()
        sent = _Sent(body)
        try:
            with self._pool.stream(
                method, url, headers=_headers(headers, body), content=sent.pieces(),
                extensions=TIMEOUTS,
            ) as response:  # fmt: skip
                answer = Answer(response.status, _by_name(response.headers), _bounded(response))
        except NotReachable:
            raise
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError,
                OSError) as error:  # fmt: skip
            what = said(error, place_of(url) if self.reach.everywhere else "its server")
            if sent.is_whole:
                raise NoAnswer(what) from None
            raise NotTaken(what) from None
        if not is_one_answer(bytes(self._octets)):
            self.close()
        return answer

    def hear(self, octets: bytes) -> bytes:
        """Note what came, and return it."""
        if len(self._octets) <= LARGEST_ANSWER:
            self._octets += octets
        return octets

    def seconds_left(self, late: type[Exception]) -> float:
        """Return how much time the exchange under way has left.

        However fast a provider says nothing of use, without end, time is up when it is up.

        Raises:
            Exception: the given one, if there is none left.
        """
        left = self._until - time.monotonic()
        if left <= 0:
            raise late
        return left

    def close(self) -> None:
        """Close all connections."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()


class _Sent:
    """A request's body, and whether all of it was handed to the connection."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.is_whole = False

    def pieces(self) -> Iterator[bytes]:
        """Yield the body; whoever asks for what follows has written it."""
        yield self._body
        self.is_whole = True


def attempt(exchange: Callable[[], Answer], read: Callable[[Answer], Outcome]) -> Outcome:
    """Make one exchange, and say what came of it.

    What is posted is best encoded inside: a text that cannot be is rejected here.

    Args:
        read: what an answer of the provider means; ``by_status`` if it is the usual.
    """
    try:
        return read(exchange())
    except NotReachable as error:
        return rejected(str(error), code="unreachable")
    except UnicodeEncodeError:
        return rejected("a value holds half a character", code="bad_value")
    except NotTaken as error:
        return deferred(str(error))
    except NoAnswer as error:
        return unknown(str(error))


def compact_json(found: Any) -> bytes:
    """Return a value as JSON in the fewest octets: the same ones each time."""
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()


def by_status(answer: Answer, *, code: str | None = None, detail: str = "") -> Outcome:
    """Return what an HTTP status that is no success means for a message.

    401 and 403 are about us; 408, 425, 429 and 503 ask for another try; 500, 502 and 504 may
    come after the message was taken; any other 4xx, and a redirect, are final.

    Args:
        code: the provider's own, if its answer has one.
        detail: what is said of it; else the status, and that the url may be mistyped where one
            without a code is likely not the provider's.
    """
    status = answer.status
    detail = detail or f"HTTP {status}{astray(status, code)}"
    code = code or str(status)
    if status in (401, 403):
        return refused(f"{LOCKED_OUT} ({detail})", code=code)
    if status in (408, 425, 429, 503):
        fault: Fault = "message" if status == 429 else "provider"
        return deferred(detail, code=code, retry_after=retry_after(answer), fault=fault)
    if 300 <= status < 500:
        return rejected(detail, code=code)
    return unknown(detail, code=code)


_NO_PLACE = (404, 405)
_NO_MESSAGE_S_FAULT = (402, 407, 421, 426)
"""Our account is not paid, a proxy wants a login, the wrong server, the wrong protocol."""


def by_api_status(answer: Answer, *, code: str | None = None, detail: str = "") -> Outcome:
    """Return what a status means of a provider whose url is one for all messages.

    As ``by_status``, but what is about our account or our way there is refused, since the next
    message would end the same way: 402, 407, 421, 426, a redirect, and a 404 or 405 without a
    code of the provider's.
    """
    status = answer.status
    is_way = status in _NO_MESSAGE_S_FAULT or 300 <= status < 400
    if is_way or astray(status, code):
        return refused(detail or f"HTTP {status}{astray(status, code)}", code=code or str(status))
    return by_status(answer, code=code, detail=detail)


def astray(status: int, code: str | None = None) -> str:
    """Return what to add to a status that a url answers with where no provider is; mostly "".

    Args:
        code: the provider's own code, or the status as text: it speaks, so it is there.
    """
    is_elsewhere = 300 <= status < 400 or status in _NO_PLACE
    is_bare = code in (None, "", str(status))
    return "; perhaps the provider's url is mistyped" if is_elsewhere and is_bare else ""


def wrong_with(
    exchange: Callable[[], Answer],
    read: Callable[[Answer], Outcome],
    options: Callable[[], Answer],
) -> list[str]:
    """Return what a question that sends nothing shows to be wrong, in sentences.

    That is: nobody answers, or does not let us in, or nothing is where messages are posted to.
    Not every server that speaks like a provider knows all of the provider's questions, so that
    it has no answer says nothing yet.

    Args:
        options: asks with the method OPTIONS about where messages are posted to.
    """
    try:
        answer = exchange()
        outcome = read(answer)
        if astray(answer.status, outcome.code):
            if not (_is_nowhere(answer, outcome) and _is_nowhere(there := options(), read(there))):
                return []
            return [f"HTTP {there.status}{astray(there.status)}"]
    except (NotReachable, NotTaken, NoAnswer) as error:
        return [str(error)]
    if outcome.kind not in ("refused", "deferred"):
        return []
    return [": ".join(part for part in (outcome.code, outcome.detail) if part)]


def _is_nowhere(answer: Answer, outcome: Outcome) -> bool:
    """Return whether an answer is what a server says of a path that it does not have."""
    return answer.status != 405 and bool(astray(answer.status, outcome.code))


def retry_after(answer: Answer) -> timedelta | None:
    """Return when the provider wants to be asked again: seconds or a date (RFC 9110, 10.2.3)."""
    said = answer.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit() and len(said) < 8:
        return timedelta(seconds=int(said))
    try:
        when = parsedate_to_datetime(said)
        return None if when.tzinfo is None else max(timedelta(), when - utcnow())
    except (ValueError, OverflowError):
        return None


# --- inside ---------------------------------------------------------------------------


def _headers(given: Mapping[str, str], body: bytes) -> list[tuple[bytes, bytes]]:
    lines = {
        "content-length": str(len(body)),
        "user-agent": "clmctl",
        "accept-encoding": "identity",
    }
    lines |= {name.lower(): value for name, value in given.items()}
    for value in lines.values():
        if not value.isprintable():
            raise NotReachable("a header holds a control character")
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in lines.items()]


def _by_name(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers:
        found.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return found


def _bounded(response: httpcore.Response) -> bytes:
    body = b""
    for chunk in response.iter_stream():
        body += chunk
        if len(body) >= LARGEST_ANSWER:
            return body[:LARGEST_ANSWER]
    return body
