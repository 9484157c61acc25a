"""What is left of personal values in previews."""

from __future__ import annotations

import pytest

from orchestrator.render.mask import mask_address


@pytest.mark.parametrize(
    ("kind", "address", "masked"),
    [
        ("email", "ayu@example.com", "a***@e***.com"),
        ("email", "a@b.co.uk", "a***@b***.uk"),
        ("email", "ayu@localhost", "a***@l***"),
        ("email", "no address", "***"),
        ("phone", "+628111222389", "+62***89"),
        ("sms", "+628111222389", "+62***89"),
        ("whatsapp", "08111222389", "08***89"),
        ("phone", "12345", "***"),
        ("push", "token-0001", "tok***"),
        ("push_token", "short", "***"),
        ("", "anything", "***"),
    ],
)
def test_address_keeps_its_edges_only(kind: str, address: str, masked: str) -> None:
    assert mask_address(kind, address) == masked
