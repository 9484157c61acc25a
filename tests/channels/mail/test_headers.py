"""Header values: refused, or read back as they were meant."""

from __future__ import annotations

from email import message_from_string, policy
from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.channels.mail.headers import (
    LONGEST_HEADER,
    HeaderRefused,
    clean,
    label,
    phrase,
    unstructured,
)


@pytest.mark.parametrize(
    "text",
    ["a\r\nBcc: x@evil.example", "a\nb", "a\rb", "a\x00b", "a\x0bb", "a\x0cb", "a\x1cb", "a\x85b",
     "a\u2028b", "a\u2029b", "a\u202eb", "a\x7fb", "\ud800", "\ufeffa", "a\tb",
     "=?utf-8?q?foo=0D=0ABcc=3A_evil=40x.com?=", "hi =?UTF-8?B?Zm9v?= there",
     "é" * (LONGEST_HEADER // 2 + 1), "x" * (LONGEST_HEADER + 1)],
)  # fmt: skip
def test_a_value_that_could_be_more_than_a_value_is_refused(text: str) -> None:
    with pytest.raises(HeaderRefused) as refused:
        clean("Subject", text)

    assert "Bcc" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ["Hello", "Hai 👋", "👩‍👩‍👧 ZWJ", "مرحبا بكم في متجرنا", "日本語の件名" * 20, "=? is no word",
     "50% off: (now)", "a  b   c", "x" * LONGEST_HEADER, "word " * 190 + "end", "é" * 400,
     'He said "no" \\ twice', "a =?", "tilde ~ {braces}", "<a href>"],
)  # fmt: skip
def test_a_subject_is_read_back_as_it_was_meant(text: str) -> None:
    header = unstructured("Subject", text)
    read = message_from_string(header + "\r\n", policy=policy.default)

    assert read["Subject"] == text
    assert all(len(line) <= LONGEST_HEADER for line in header.split("\r\n"))
    assert read.keys() == ["Subject"]


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=200))
def test_any_subject_is_refused_or_read_back(text: str) -> None:
    try:
        header = unstructured("Subject", text)
    except HeaderRefused:
        return
    assert header.isascii()
    value = header.removeprefix("Subject: ").removesuffix("\r\n").replace("\r\n", "")
    assert str(make_header(decode_header(value))) == text.strip(" \t")


def test_long_subjects_are_folded_at_their_blanks() -> None:
    folded = unstructured("Subject", "a word and another " * 12)

    assert max(map(len, folded.split("\r\n"))) <= 78
    assert folded.replace("\r\n", "") == "Subject: " + ("a word and another " * 12).strip()


@pytest.mark.parametrize(
    ("text", "written"),
    [("Kopi & Kain", "Kopi & Kain"), ("Acme, Inc.", '"Acme, Inc."'), ('A "B"', '"A \\"B\\""'),
     ("", ""), ("Käse", "=?utf-8?b?S8Okc2U=?="), ("a  b", '"a  b"'), ("a@b", '"a@b"')],
)  # fmt: skip
def test_a_display_name_is_atoms_quoted_or_encoded(text: str, written: str) -> None:
    assert phrase("From", text) == written


@given(st.lists(st.text(max_size=12), min_size=2, max_size=2, unique=True))
def test_different_names_have_different_labels(names: list[str]) -> None:
    one, other = map(label, names)

    assert one != other
    assert all(sign.isascii() and (sign.isalnum() or sign in "_%-") for sign in one)
