"""Transfer encodings: what arrives is what was written, in lines that every relay takes."""

from __future__ import annotations

import base64
import quopri
from email import message_from_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.channels.mail.bodies import Body, file_body, text_body


def decoded(body: Body) -> str:
    match body.encoding:
        case "7bit":
            return body.octets.decode("ascii")
        case "quoted-printable":
            return quopri.decodestring(body.octets).decode()
        case "base64":
            return base64.b64decode(body.octets).decode()


def email_of(body: Body) -> str:
    """Return a body as the standard library's mail package reads it."""
    head = f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {body.encoding}"
    read = message_from_bytes(head.encode() + b"\r\n\r\n" + body.octets)
    content = read.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()


def is_sound(body: Body) -> bool:
    lines = body.octets.split(b"\r\n")
    most = 998 if body.encoding == "7bit" else 76
    return (
        lines[-1] == b""
        and body.octets.isascii()
        and b"\0" not in body.octets
        and all(len(line) <= most and b"\r" not in line and b"\n" not in line for line in lines)
        and body.has_dots == any(line.startswith(b".") for line in lines)
    )


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain", "7bit"), ("", "7bit"), ("x" * 998, "7bit"), ("x" * 999, "quoted-printable"),
        ("a\n" + "x" * 999 + "\nb", "quoted-printable"), ("Käse", "base64"),
        ("Cheese is Käse in German", "quoted-printable"), ("日本語", "base64"),
        ("\0", "base64"), ("much text and \0 in it", "quoted-printable"),
        ("--=_a.KEY--\nlooks like a boundary", "quoted-printable"),
        (".\n..\n.", "7bit"), ("From me\n", "7bit"),
        ("." * 2_000, "quoted-printable"), (".\n..a\n." + "x" * 999 + "...", "quoted-printable"),
    ],
)  # fmt: skip
def test_the_encoding_follows_the_content(text: str, encoding: str) -> None:
    body = text_body(text)

    assert body.encoding == encoding
    assert is_sound(body)
    assert decoded(body).replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
@example("é = trailing blank \t\n.\r\rx\r\n\n")
@example("ü \r")
@example("x" * 75 + "é" + " " * 80)
def test_any_text_is_decoded_to_itself(text: str) -> None:
    body = text_body(text)

    expected = text.replace("\r\n", "\n").replace("\r", "\n")
    expected = expected if expected.endswith("\n") else expected + "\n"
    assert is_sound(body)
    assert decoded(body) == expected.replace("\n", "\r\n")


@given(st.text("ab.= \té\n", max_size=400))
def test_no_encoded_line_begins_with_a_dot(text: str) -> None:
    body = text_body("x" * 999 + "\n" + text)

    assert is_sound(body)
    assert not body.has_dots
    assert email_of(body).replace("\r\n", "\n").rstrip("\n") == ("x" * 999 + "\n" + text).rstrip(
        "\n"
    )


def test_lines_that_came_before_are_written_alike() -> None:
    texts = [f"<p>Käse {number}</p>\n" + "<p>.</p>\n.\n" * 9 for number in range(60_000)]

    first = text_body(texts[0])
    for text in texts[1:]:
        text_body(text)  # so many different lines that the first are forgotten

    assert text_body(texts[0]) == first == text_body(texts[0])


@given(st.binary(max_size=300))
def test_any_file_is_decoded_to_itself(content: bytes) -> None:
    body = file_body(content)

    assert is_sound(body)
    assert base64.b64decode(body.octets) == content


def test_half_a_character_is_no_text() -> None:
    with pytest.raises(UnicodeEncodeError):
        text_body("\ud800")
