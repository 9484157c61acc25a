"""Transfer encodings: what arrives is what was written, in lines that every relay takes."""

from __future__ import annotations

import base64
import quopri

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


def is_sound(body: Body) -> bool:
    lines = body.octets.split(b"\r\n")
    most = 998 if body.encoding == "7bit" else 76
    return (
        lines[-1] == b""
        and body.octets.isascii()
        and b"\0" not in body.octets
        and all(len(line) <= most and b"\r" not in line and b"\n" not in line for line in lines)
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


@given(st.binary(max_size=300))
def test_any_file_is_decoded_to_itself(content: bytes) -> None:
    body = file_body(content)

    assert is_sound(body)
    assert base64.b64decode(body.octets) == content


def test_half_a_character_is_no_text() -> None:
    with pytest.raises(UnicodeEncodeError):
        text_body("\ud800")
