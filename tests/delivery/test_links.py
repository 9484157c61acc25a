from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from orchestrator.channels.file import KeyParts, message_key, parts_of
from orchestrator.delivery.links import Links, Wish
from orchestrator.signing import Keys, Secret

KEYS = Keys(Secret("k" * 40))
LINKS = Links(KEYS, "shop", "https://shop.example/mail/")
CUSTOMERS = ["c_1", "ana@mail.example", "a.b/c d", "名前", "%2e", "x" * 255]


def _key(customer: str = "c_1", project: str = "shop") -> str:
    where = {"entry": 1, "step": "hello", "occurrence": "0", "channel": "email"}
    return message_key(project, customer, "win_back", **where)  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize("customer", CUSTOMERS)
def test_a_business_key_tells_what_it_was_made_of(customer: str) -> None:
    parts = KeyParts("shop", customer, "win_back", 1, "hello", "0", "email", 0)
    assert parts_of(_key(customer)) == parts


@pytest.mark.parametrize("text", ["", "v1", "v2.a.b.c.1.d.0.email.0", "v1.a.b.c.x.d.0.email.0"])
def test_other_texts_are_no_keys(text: str) -> None:
    assert parts_of(text) is None


@pytest.mark.parametrize("customer", CUSTOMERS)
@pytest.mark.parametrize("topic", ["news", "a.b %", None])
def test_a_link_says_whose_it_is_and_what_about(customer: str, topic: str | None) -> None:
    offered = LINKS.unsubscribe(_key(customer), topic)
    assert offered is not None
    address = urlsplit(offered.url)
    assert (address.scheme, address.netloc) == ("https", "shop.example")
    folder, _, token = address.path.rpartition("/")
    parts = KeyParts("shop", customer, "win_back", 1, "hello", "0", "email", 0)
    assert folder == "/mail/u"
    assert LINKS.read("unsubscribe", token) == Wish("unsubscribe", _key(customer), parts, topic)


def test_templates_see_the_link_that_headers_carry() -> None:
    offered = LINKS.unsubscribe(_key(), "news")
    seen = LINKS.in_templates(_key(), "news")
    assert offered is not None
    assert seen["unsubscribe"] == offered.url
    assert seen["preferences"].startswith("https://shop.example/mail/p/v1.")


def test_a_link_is_worth_nothing_on_another_page_or_in_another_project() -> None:
    token = LINKS.in_templates(_key(), "news")["unsubscribe"].rpartition("/")[2]
    assert LINKS.read("preferences", token) is None
    assert Links(KEYS, "other", None).read("unsubscribe", token) is None
    assert Links(KEYS, "shop", None).read("unsubscribe", token) is not None


def test_without_a_base_there_are_no_links() -> None:
    links = Links(KEYS, "shop", None)
    assert links.unsubscribe(_key(), "news") is None
    assert links.in_templates(_key(), "news") == {}
