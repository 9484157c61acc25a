"""One message as its channel will carry it: an HTML page that fetches nothing and runs nothing.

A mail's own HTML stands in frames of a computer's and of a telephone's width. The frames are
sandboxed, and the page's policy holds in them too: no script, no picture from elsewhere, no link
that leads anywhere. So looking at a message tells nobody that it was looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from orchestrator.channels.message import Sender
from orchestrator.channels.segments import segments
from orchestrator.counting import counted
from orchestrator.records.sends import Rendered, Send
from orchestrator.report.layout import printable
from orchestrator.report.page import html_page

WIDTHS = (("Computer", 700, 640), ("Telephone", 375, 640))
"""What stands above a frame, its width and its height."""
_HINTS = re.compile(r"<link\b[^>]*>|<meta\b[^>]*http-equiv[^>]*>", re.IGNORECASE)
"""What lets a browser look names up or go elsewhere, whatever the policy says."""
_STYLE = """\
h2 { font-size: 1.05rem; margin: 1.75rem 0 .5rem; } p { margin: .25rem 0; }
mark { background: var(--warn); color: inherit; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; }
dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; }
.inbox { border: 1px solid var(--line); padding: .6rem .9rem; max-width: 44rem; overflow: hidden;
  white-space: nowrap; text-overflow: ellipsis; }
.frames { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }
figure { max-width: 100%; } figcaption { color: var(--faint); }
iframe { border: 1px solid var(--line); background: #fff; max-width: 100%; color-scheme: light; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--card); padding: .9rem;
  margin: 0; }
.card { background: var(--card); border-radius: 1rem; padding: .8rem 1rem; max-width: 24rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
.bubble { border-top-left-radius: 0; }
"""


def message_page(
    send: Send, message: Rendered, sender: Sender | None, files: Sequence[str] = ()
) -> str:
    """Return the page of one rendered message.

    Args:
        sender: whom its mail comes from, if anything says.
        files: what goes with it, each with its size.
    """
    channel = _CHANNELS.get(send.channel, _plain)
    lines = [
        f"<h1>{_text(send.message)}</h1>",
        f'<p class="faint">{_text(send.channel)} to {_text(send.customer.external_id)}</p>',
        *channel(message, sender),
        *_files(files),
    ]
    return html_page(
        printable(send.message),
        lines,
        style=_STYLE,
        light="--card: #f2f2f2; --warn: #ffe08a;",
        dark="--card: #222; --warn: #6b5200;",
        allows="img-src data:",
    )


def _text(text: str) -> str:
    return escape(printable(text))


def _block(text: str) -> str:
    """Return a text of several lines, what cannot be seen made visible."""
    return "\n".join(_text(line) for line in text.split("\n"))


def _listed(heads: Mapping[str, str | None]) -> Iterator[str]:
    yield "<dl>"
    for name, value in heads.items():
        if value:
            yield f"<dt>{name}</dt><dd>{_text(value)}</dd>"
    yield "</dl>"


def _mail(message: Rendered, sender: Sender | None) -> Iterator[str]:
    who = (sender.name or sender.address) if sender else "(nothing names a sender)"
    full = f"{sender.name} <{sender.address}>".strip() if sender else who
    yield from _listed(
        {
            "From": full,
            "Reply-To": sender.reply_to if sender else None,
            "To": message.to or "(no address)",
            "Subject": message.subject,
            "Preheader": message.preheader,
        }
    )
    yield "<h2>In the list of mails</h2>"
    yield (
        f'<p class="inbox"><b>{_text(who)}</b> &nbsp; {_text(message.subject or "")}'
        f' <span class="faint">{_text(message.preheader or "")}</span></p>'
    )
    yield from _html_part(message)
    yield from _text_part(message)


def _html_part(message: Rendered) -> Iterator[str]:
    if message.html is None:
        return
    yield "<h2>HTML</h2>"
    yield '<p class="faint">Pictures from elsewhere are not fetched here, links lead nowhere.</p>'
    content = escape(_HINTS.sub("", message.html))
    yield '<div class="frames">'
    for name, width, height in WIDTHS:
        yield (
            f'<figure><figcaption>{name}, {width} px</figcaption><iframe sandbox title="{name}" '
            f'width="{width}" height="{height}" srcdoc="{content}"></iframe></figure>'
        )
    yield "</div>"


def _text_part(message: Rendered) -> Iterator[str]:
    yield "<h2>Text</h2>"
    yield f'<pre id="text">{_block(message.text)}</pre>'


def _files(files: Sequence[str]) -> Iterator[str]:
    if files:
        yield "<h2>Attachments</h2>"
        yield "<ul>" + "".join(f"<li>{_text(one)}</li>" for one in files) + "</ul>"


def _sms(message: Rendered, _: Sender | None) -> Iterator[str]:
    found = segments(message.text)
    dear = set(found.culprits)
    shown = "".join(
        f"<mark>{_text(one)}</mark>" if one in dear else "\n" if one == "\n" else _text(one)
        for one in message.text
    )
    yield from _listed({"To": message.to or "(no address)"})
    yield "<h2>On the telephone</h2>"
    yield f'<div class="card bubble" id="text">{shown}</div>'
    yield (
        f"<p>{counted(found.count, 'segment')}, {found.encoding}: {found.units} units, "
        f"room for {found.left} more in the last one.</p>"
    )
    if dear:
        listed = " ".join(f"<mark>{_text(one)}</mark>" for one in found.culprits)
        yield f"<p>Without {listed} a segment would hold 160 characters, not 70.</p>"


def _whatsapp(message: Rendered, _: Sender | None) -> Iterator[str]:
    yield from _listed({"To": message.to or "(no address)"})
    yield "<h2>In the chat</h2>"
    yield f'<div class="card bubble" id="text">{_block(_pretty(message))}</div>'


def _push(message: Rendered, _: Sender | None) -> Iterator[str]:
    content = json.loads(message.text) if message.is_json else None
    known: dict[str, Any] = content if isinstance(content, dict) else {}
    title = str(known.get("title") or message.subject or "")
    body = str(known.get("body", "")) if message.is_json else message.text
    yield "<h2>On the lock screen</h2>"
    yield '<div class="card">'
    yield f'<b>{_text(title)}</b>\n<span id="text">{_block(body)}</span></div>'
    if message.is_json:
        yield f"<h2>What is sent</h2><pre>{_block(_pretty(message))}</pre>"


def _plain(message: Rendered, _: Sender | None) -> Iterator[str]:
    yield from _listed({"To": message.to, "Subject": message.subject})
    yield from _html_part(message)
    yield "<h2>Text</h2>"
    yield f'<pre id="text">{_block(_pretty(message))}</pre>'


def _pretty(message: Rendered) -> str:
    if not message.is_json:
        return message.text
    return json.dumps(json.loads(message.text), ensure_ascii=False, indent=2)


_CHANNELS: Mapping[str, Callable[[Rendered, Sender | None], Iterator[str]]] = {
    "email": _mail,
    "sms": _sms,
    "whatsapp": _whatsapp,
    "push": _push,
}
"""Channel → how its messages look; the others show what is in them."""
