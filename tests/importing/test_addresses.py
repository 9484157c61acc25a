"""Addresses and ids of the hostile corpus: taken as they are or refused, never mended."""

from __future__ import annotations

import pytest

from orchestrator.importing.addresses import clean_id, clean_phone, is_email


@pytest.mark.parametrize(
    "address",
    [
        "anna@example.com",
        "Anna.Lee+shop@mail.example.co.id",
        "o'brien@example.com",
        "a@b.co",
        f"{'a' * 64}@example.com",
        "x@xn--bcher-kva.example",
        "anna@bücher.example",
        "añna@example.com",
        "用户@例子.测试",
        "a@1-2.example",
    ],
)
def test_addresses_that_mail_can_be_sent_to(address: str) -> None:
    assert is_email(address)


@pytest.mark.parametrize(
    "address",
    [
        "a@b",
        "@",
        "@example.com",
        "anna@",
        "anna",
        f"{'a' * 65}@example.com",
        f"a@{'b' * 64}.com",
        f"a@{'b.' * 127}com",
        '"a b"@example.com',
        '"a@b"@c.com',
        "a@example.com.",
        "a@.example.com",
        "a@example..com",
        ".a@example.com",
        "a.@example.com",
        "a..b@example.com",
        " a@example.com",
        "a@example.com ",
        "a b@example.com",
        "a@exam ple.com",
        "a@example.com\r\nBcc: x@y.com",
        "a@example.com, b@example.com",
        "a@example.com;b@example.com",
        "Anna <a@example.com>",
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        "a@-example.com",
        "a@example-.com",
        "a@exa_mple.com",
        "a@p\u0430ypal.com",
        "a\u202e@example.com",
        "a\u2028@example.com",
        "a\0@example.com",
        "mailto:a@example.com ",
        "a@example.c",
    ],
)
def test_addresses_that_are_refused(address: str) -> None:
    assert not is_email(address)


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("+6281234567890", "+6281234567890"),
        ("+62 812-3456-7890", "+6281234567890"),
        ("+1 (415) 555-0100", "+14155550100"),
        ("+43.1.2345678", "+4312345678"),
        ("+49\u00a030\u00a01234567", "+49301234567"),
        ("+123456789012345", "+123456789012345"),
        ("08123456789", None),
        ("6281234567890", None),
        ("0062 812 3456 7890", None),
        ("+62 (0)812 3456 789", None),
        ("+62 ( 0 ) 812 3456 789", None),
        ("6.28E+12", None),
        ("+6.28E+12", None),
        ("+1234567890123456", None),
        ("+123456", None),
        ("+0123456789", None),
        ("+62 812 3456 7890 ext 5", None),
        ("+62812345678a", None),
        ("++62812345678", None),
        ("+٦٢٨١٢٣٤٥٦٧٨", None),
        ("", None),
    ],
)
def test_phones_are_read_in_exactly_one_way_or_refused(raw: str, number: str | None) -> None:
    assert clean_phone(raw) == number


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("c_1042", "c_1042"),
        ("00001", "00001"),
        ("=cmd|x", "=cmd|x"),
        ("Anna Lee", "Anna Lee"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("x" * 255, "x" * 255),
        ("x" * 256, None),
        ("", None),
        (" ", None),
        (" a", None),
        ("a\t", None),
        ("a\nb", None),
        ("a\0b", None),
        ("a\u202eb", None),
        ("a\x1fb", None),
    ],
)
def test_ids_are_plain_texts(raw: str, found: str | None) -> None:
    assert clean_id(raw) == found
