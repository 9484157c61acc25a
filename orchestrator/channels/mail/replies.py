"""What a server answers, and what each answer means for the message (RFC 5321, RFC 3463).

| said to | 4xx | 5xx |
|---|---|---|
| greeting, EHLO, STARTTLS, AUTH | deferred | refused: it does not let us in |
| MAIL | deferred | refused: it is about us; rejected if it is about this mail |
| RCPT, DATA, the final dot | deferred | rejected, dead address or refused by its code |

``421`` is deferred wherever it comes, ``503`` once we are let in; both end the connection.
What no table can read is deferred before the final dot and unknown after it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Literal, NamedTuple

from orchestrator.channels.outcome import (
    Fault,
    Outcome,
    accepted,
    deferred,
    refused,
    rejected,
    unknown,
)

Stage = Literal["greeting", "ehlo", "starttls", "auth", "reset", "mail", "rcpt", "data", "content"]
_ADMITTING: tuple[Stage, ...] = ("greeting", "ehlo", "starttls", "auth")
WANTED: dict[Stage, int] = {
    "greeting": 220, "ehlo": 250, "starttls": 220, "auth": 235,
    "reset": 250, "mail": 250, "rcpt": 250, "data": 354, "content": 250,
}  # fmt: skip
"""The reply that goes on. Of RSET, MAIL, RCPT and the content any 2xx does."""
OUT_OF_ORDER = 503
"""Bad sequence of commands: the server takes us to be somewhere else than we do."""
_TOO_LARGE = 552
_OF_THE_MAIL = re.compile(r"5\.(?:2\.3|3\.4|6\.[0-9]+)\Z")
"""Too large, or of a kind that the server does not take: what MAIL says of this one mail."""
_LOCKED_OUT = frozenset({530, 534, 535, 538})
"""Authentication required, too weak, or failed (RFC 4954, 6)."""
_UNTRUSTED = re.compile(
    r"5\.7\.(?:8|9|1[1-3]|2[0-7]|30|32|40|509|515)\Z"  # RFC 7372, RFC 4954, Gmail, Microsoft
)
"""Our own DKIM, SPF, DMARC, host name or login is what is wrong, whoever the receiver is."""
_DEAD = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""No such mailbox, no such domain, moved away, takes no mail, closed (RFC 3463, RFC 7505)."""
_DEAD_WORDS = re.compile(
    r"\b(?:no such (?:user|recipient|mailbox|address|account|person)"
    r"|(?:unknown|invalid) (?:user|recipient|mailbox|account)"
    r"|(?:user|recipient|mailbox|address|account)\b[^.]{0,40}"
    r"\b(?:unknown|not found|does ?n[o']t exist|not exist|is disabled|closed|inactive))",
    re.IGNORECASE,
)
"""What servers without enhanced codes say of a mailbox that is not there."""
_MAILBOX_CODES = frozenset({550, 551, 553})
_ENHANCED = re.compile(r"([245])\.([0-9]{1,3})\.([0-9]{1,3})(?=[ \t]|\Z)")
_QUEUED = re.compile(
    r"(?:queued as |id[= ]|\AOk |\A2\.[0-9.]+ Ok )<?([A-Za-z0-9._@-]{6,100})", re.IGNORECASE
)
_ADDRESS = re.compile(r"\S*@\S*")
_LONGEST_DETAIL = 160


class Reply(NamedTuple):
    """One answer, maybe of several lines."""

    code: int
    lines: tuple[str, ...]
    """The texts without the code."""

    @property
    def is_good(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.code < 300

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code, if there is one of the same class: ``5.1.1``."""
        found = _ENHANCED.match(self.lines[0])
        return found[0] if found and found[1] == str(self.code)[0] else None

    @property
    def called(self) -> str:
        """The codes as people look them up: ``550 5.1.1``."""
        return " ".join(filter(None, (str(self.code), self.enhanced)))

    @property
    def told(self) -> str:
        """What it says, in one line and without addresses."""
        text = " ".join(line.removeprefix(self.enhanced or "").strip() for line in self.lines)
        clean = "".join(sign if sign.isprintable() else " " for sign in _ADDRESS.sub("…", text))
        return clean.strip()[:_LONGEST_DETAIL]


def goes_on(stage: Stage, reply: Reply) -> bool:
    """Return whether a reply is the one that a stage waits for."""
    if stage in ("reset", "mail", "rcpt", "content"):
        return reply.is_good
    return reply.code == WANTED[stage]


def is_in_turn(stage: Stage, reply: Reply) -> bool:
    """Return whether a server that answers what it was asked can answer a stage so."""
    return reply.code >= 400 or goes_on(stage, reply)


def judged(stage: Stage, reply: Reply) -> Outcome:
    """Return what an answer that ends the attempt means."""
    if stage == "content" and reply.is_good:
        return accepted(_provider_id(reply))
    detail = f"{_SAID[stage]}: {reply.told}" if reply.told else _SAID[stage]
    if stage == "reset":
        return deferred(detail, code=reply.called)
    if 400 <= reply.code < 500:
        return deferred(detail, code=reply.called, fault=_fault(stage, reply))
    if reply.code == OUT_OF_ORDER and stage not in _ADMITTING:
        return deferred(detail, code=reply.called)
    if 500 <= reply.code < 600:
        return _permanent(stage, reply, detail)
    if stage == "content":
        return unknown(detail, code=reply.called)
    return deferred(f"{detail} (out of turn)", code=reply.called)


_SAID: dict[Stage, str] = {
    "greeting": "the server does not greet",
    "ehlo": "the server does not take EHLO",
    "starttls": "the server does not begin TLS",
    "auth": "the server does not take the login",
    "reset": "the server does not begin anew",
    "mail": "the server does not take the sender",
    "rcpt": "the server does not take the receiver",
    "data": "the server does not ask for the content",
    "content": "the server does not take the content",
}


def _permanent(stage: Stage, reply: Reply, detail: str) -> Outcome:
    enhanced = reply.enhanced or ""
    if stage in _ADMITTING or reply.code in _LOCKED_OUT or _UNTRUSTED.match(enhanced):
        return refused(detail, code=reply.called)
    if stage == "mail" and reply.code != _TOO_LARGE and not _OF_THE_MAIL.match(enhanced):
        return refused(detail, code=reply.called)  # nothing of the receiver was said yet
    is_dead = stage in ("rcpt", "content") and _is_dead_address(stage, reply)
    return rejected(detail, code=reply.called, is_dead_address=is_dead)


def _is_dead_address(stage: Stage, reply: Reply) -> bool:
    if reply.enhanced:
        return reply.enhanced in _DEAD
    if stage != "rcpt" or reply.code not in _MAILBOX_CODES:
        return False
    return says_no_mailbox(" ".join(reply.lines))


def says_no_mailbox(text: str) -> bool:
    """Return whether a server's words say that there is no such mailbox, or none any more."""
    return bool(_DEAD_WORDS.search(text))


def _fault(stage: Stage, reply: Reply) -> Fault:
    """Return whose trouble a 4xx is: the receiver's alone, its domain's, or the server's."""
    if stage not in ("rcpt", "content") or reply.code == 421:
        return "provider"
    subject = (reply.enhanced or "").split(".")[1:2]
    match subject:
        case ["1" | "4"]:
            return "domain"
        case ["2"]:
            return "message"
        case []:
            return "message" if stage == "rcpt" and reply.code == 450 else "provider"
        case _:
            return "provider"


def _provider_id(reply: Reply) -> str | None:
    """Return what the server calls the mail; an address is no name of one."""
    found = _QUEUED.search(reply.lines[-1])
    return found[1] if found and "@" not in found[1] else None


class Garbled(Exception):
    """What came is no reply of SMTP."""


_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])([^\r\n]*))?\r?\Z")
_LONGEST_LINE = 4_096
_MOST_LINES = 200
_MOST_KNOWN = 20


class ReplyReader:
    """Makes replies of the octets of a connection, whatever pieces they come in."""

    def __init__(self) -> None:
        self._octets = b""
        self._lines: list[tuple[bytes, str]] = []
        """(code, text) of a reply that has begun."""
        self._replies: deque[Reply] = deque()
        self._is_garbled = False
        self._known: dict[bytes, Reply] = {}
        """Line → the reply that it is alone; most servers say few different ones."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come that nobody took."""
        return not (self._octets or self._lines or self._replies or self._is_garbled)

    def feed(self, octets: bytes) -> None:
        """Take what has come."""
        octets = self._octets + octets if self._octets else octets
        *lines, self._octets = octets.split(b"\n")
        for line in lines:
            known = self._known.get(line)
            if known is not None and not self._lines:
                self._replies.append(known)
            else:
                self._take_line(line)
        self._is_garbled |= len(self._octets) > _LONGEST_LINE

    def _take_line(self, line: bytes) -> None:
        found = _LINE.match(line)
        if found is None or len(self._lines) >= _MOST_LINES:
            self._is_garbled = True
            return
        code, mark, text = found.groups(b"")
        self._lines.append((code, text.decode("utf-8", "replace")))
        if self._lines[0][0] != code:
            self._is_garbled = True
        elif mark != b"-":
            reply = Reply(int(code), tuple([one for _, one in self._lines]))
            if len(self._lines) == 1 and len(self._known) < _MOST_KNOWN:
                self._known[line] = reply
            self._replies.append(reply)
            self._lines.clear()

    def take_all(self, wanted: Sequence[int]) -> bool:
        """Take the next replies if all of them have come, with these codes; else none."""
        came = [reply.code for reply in islice(self._replies, len(wanted))]
        if came != [*wanted]:
            return False
        for _ in wanted:
            self._replies.popleft()
        return True

    def take(self) -> Reply | None:
        """Return the next whole reply, None if it has not come yet.

        Raises:
            Garbled: what came can be none.
        """
        if self._replies:
            return self._replies.popleft()
        if self._is_garbled:
            raise Garbled
        return None
