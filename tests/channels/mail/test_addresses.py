"""Addresses: exactly one, and written so that a server knows what to do with it."""

from __future__ import annotations

import pytest

from orchestrator.channels.mail.addresses import address, mailbox, parted
from orchestrator.channels.mail.headers import HeaderRefused


@pytest.mark.parametrize(
    "text",
    ["", "@", "a", "a@", "@b.example", "a@b", "a b@c.example", "a@b .example", "a@@b.example",
     "a@b.example, c@d.example", "a@b.example;c@d.example", "<a@b.example>", "a@b.example>",
     "A <a@b.example>", '"a b"@c.example', "a@[127.0.0.1]", "a@127.0.0.1", "a..b@c.example",
     ".a@c.example", "a.@c.example", "a@b..example", "a@-b.example", "a@b.example.", "a(c)@b.example",
     "a@b.example\r\nBcc: x@y.example", "a@b.example\r\nRCPT TO:<x@y.example>", "a\u2028@b.example",
     "a@b\u3002example\n", "a@b_c.example", "a@" + "b" * 64 + ".example", "a" * 65 + "@b.example",
     "a@" + ".".join(["b" * 60] * 5), "a\u00a0b@c.example", "=?utf-8?q?a?=@b.example",
     "a@b.example SIZE=1", "a@b.example>\x00", "a@\ud800.example"],
)  # fmt: skip
def test_what_is_not_exactly_one_address_is_refused(text: str) -> None:
    with pytest.raises(HeaderRefused):
        address("To", text)


@pytest.mark.parametrize(
    ("text", "spec", "international"),
    [
        ("ayu@mail.example", "ayu@mail.example", False),
        ("Ayu.O'Neil+shop@Mail.Example", "Ayu.O'Neil+shop@mail.example", False),
        ("ayu@münchen.example", "ayu@xn--mnchen-3ya.example", False),
        ("ayu@straße.example", "ayu@xn--strae-oqa.example", False),
        ("ayu@例え。テスト", "ayu@xn--r8jz45g.xn--zckzah", False),
        ("用户@例え.テスト", "用户@xn--r8jz45g.xn--zckzah", True),
        ("müller@mail.example", "müller@mail.example", True),
        (" ayu@mail.example ", "ayu@mail.example", False),
        ("a@b.xn--zckzah", "a@b.xn--zckzah", False),
    ],
)
def test_domains_are_written_in_ascii(text: str, spec: str, international: bool) -> None:
    found = address("To", text)

    assert (found.spec, found.is_international) == (spec, international)
    assert found.domain == spec.rpartition("@")[2]


@pytest.mark.parametrize(
    ("text", "name", "spec"),
    [
        ("Acme <hello@acme.example>", "Acme", "hello@acme.example"),
        ('"Acme, Inc." <hello@acme.example>', "Acme, Inc.", "hello@acme.example"),
        ('"A \\"B\\"" <a@b.example>', 'A "B"', "a@b.example"),
        ("hello@acme.example", "", "hello@acme.example"),
        ("<hello@acme.example>", "", "hello@acme.example"),
    ],
)
def test_a_sender_is_parted_into_name_and_address(text: str, name: str, spec: str) -> None:
    assert parted(text) == (name, spec)


def test_a_long_name_stands_on_a_line_of_its_own() -> None:
    line = mailbox("From", "Kopi dan Kain dari Jawa Barat dan Bali", address("From", "a@b.example"))

    assert line == "Kopi dan Kain dari Jawa Barat dan Bali <a@b.example>"
    long = mailbox("From", "Kopi " * 13, address("From", "a@b.example"))
    assert long.split("\r\n ")[1:] == ["<a@b.example>"]
