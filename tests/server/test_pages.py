from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from harness import Shop
from ledger import greeted, handed_over, key_of, rows
from sending import KEYS
from serving import Served, path_of, served

from orchestrator.delivery.links import Links
from orchestrator.signing import Keys, Secret

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
LEFT = (
    "SELECT c.external_id, a.topic FROM consent a JOIN customer c ON c.id = a.customer_id"
    " WHERE a.withdrawn = 1 AND a.source = 'customer' ORDER BY 1, 2"
)


@pytest.fixture
def server(shop: Shop) -> Iterator[Served]:
    greeted(shop, "ana", locale="id-ID")
    handed_over(shop.engine, "ana")
    with served(shop) as running:
        yield running


def everything(shop: Shop) -> list[Any]:
    """Return what a request could have changed."""
    tables = ("consent", "receipt", "dirty", "suppression", "message_event")
    return [rows(shop.engine, f"SELECT * FROM {name}") for name in tables]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("page", ["unsubscribe", "preferences"])
def test_looking_changes_nothing(server: Served, shop: Shop, method: str, page: str) -> None:
    before = everything(shop)
    answer = server.client.request(method, path_of(shop, "ana", page))
    assert answer.status_code == (405 if method == "OPTIONS" else 200)
    assert everything(shop) == before
    assert ("<button" in answer.text) == (method == "GET")


BODIES: dict[str, dict[str, Any]] = {
    "form": {"data": ONE_CLICK},
    "multipart": {"files": {"List-Unsubscribe": (None, "One-Click")}},
    "nothing": {},
    "torn": {
        "content": b"--x\r\nConten",
        "headers": {"content-type": "multipart/form-data; boundary=x"},
    },
    "unnamed": {"content": b"a=b", "headers": {"content-type": "multipart/form-data"}},
    "octets": {"content": b"\xff\x00\xfe", "headers": {"content-type": "application/octet-stream"}},
    "fields": {"data": {f"f{number}": "x" for number in range(5_000)}},
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_post_acts_at_once(server: Served, shop: Shop, body: dict[str, Any]) -> None:
    answer = server.client.post(path_of(shop, "ana"), **body)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert "location" not in answer.headers
    assert rows(shop.engine, LEFT) == [("ana", "news")]
    assert rows(shop.engine, "SELECT kind, message FROM receipt") == [("unsubscribed", "welcome")]
    assert server.count('clm_unsubscribes_total{scope="topic"}') == 1
    known = {"customer": "ana", "flow": "hello", "step": "welcome", "channel": "email"}
    assert server.said == [("unsubscribed", {**known, "scope": "news"})]


def test_a_post_twice_and_at_the_same_time_is_one(server: Served, shop: Shop) -> None:
    url = f"{server.client.base_url}{path_of(shop, 'ana')}".replace("//u", "/u")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: httpx.post(url, data=ONE_CLICK, timeout=60), range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert rows(shop.engine, LEFT) == [("ana", "news")]
    assert server.count('clm_unsubscribes_total{scope="topic"}') == 1


def test_all_marketing_is_left_by_a_link_that_is_about_all_or_by_asking(
    server: Served, shop: Shop
) -> None:
    server.client.post(path_of(shop, "ana"), data={**ONE_CLICK, "scope": "all"})
    assert rows(shop.engine, LEFT) == [("ana", "news"), ("ana", "texts")]


def test_a_customer_who_is_gone_gets_the_same_answer(server: Served, shop: Shop) -> None:
    known = server.client.post(path_of(shop, "ana"), headers={"accept-language": "en"})
    gone = server.client.post(path_of(shop, "gone"), headers={"accept-language": "id"})
    assert (gone.status_code, known.status_code) == (200, 200)
    assert re.sub(r"/p/[^\"]+", "", gone.text) == re.sub(r"/p/[^\"]+", "", known.text)
    assert rows(shop.engine, "SELECT count(*) FROM customer") == [(1,)]


def wrong_links(shop: Shop) -> dict[str, str]:
    path = path_of(shop, "ana")
    token = path.removeprefix("/u/")
    strange = Links(Keys(Secret("s" * 40)), "shop", "").in_templates(key_of("ana"), "news")
    foreign = Links(KEYS, "other", "").in_templates(
        key_of("ana").replace("v1.shop.", "v1.other."), "news"
    )
    head, _, signature = token.rpartition(".")
    return {
        "tampered": path[:-3] + ("AAA" if not path.endswith("AAA") else "BBB"),
        "signature": f"/u/{head}.{signature.swapcase()}",
        "payload": f"/u/{head[:-2]}xx.{signature}",
        "truncated": path[:-10],
        "no signature": f"/u/{head}",
        "other purpose": path_of(shop, "ana", "preferences").replace("/p/", "/u/"),
        "other key": strange["unsubscribe"],
        "other project": foreign["unsubscribe"],
        "preview": "/u/v1.preview.0123456789abcdef01234567",
        "nothing": "/u/",
        "dots": "/u/...",
        "long": "/u/" + "A" * 8_000,
        "octets": "/u/%ff%fe%00",
        "lines": "/u/v1%0d%0aset-cookie:x",
        "other page": "/unsubscribe/" + token,
        "root": "/",
    }


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_link_that_is_none_gets_one_answer(server: Served, shop: Shop, method: str) -> None:
    before = everything(shop)
    links = wrong_links(shop)
    answers = {name: server.client.request(method, path) for name, path in links.items()}
    assert [name for name, answer in answers.items() if answer.status_code != 404] == []
    assert len({answer.text for answer in answers.values()}) == 1
    assert everything(shop) == before
    assert server.said == []


def test_a_query_leads_nowhere(server: Served, shop: Shop) -> None:
    answer = server.client.post(path_of(shop, "ana") + "?next=//evil.example&scope=all")
    assert answer.status_code == 200
    assert "evil" not in answer.text
    assert rows(shop.engine, LEFT) == [("ana", "news")]


def test_who_guesses_is_slowed_down_and_right_links_still_work(server: Served, shop: Shop) -> None:
    statuses = [server.client.get(f"/u/v1.x.{number}").status_code for number in range(60)]
    assert statuses[:30] == [404] * 30
    assert statuses[-20:] == [429] * 20
    assert server.client.post(path_of(shop, "ana")).status_code == 200


def test_a_link_of_an_old_key_works_for_ever(shop: Shop) -> None:
    greeted(shop, "ana")
    path = path_of(shop, "ana")
    with served(shop) as server:
        newer = Keys(Secret("n" * 40), (KEYS.current,))
        server.site.keys = lambda: newer
        assert server.client.post(path).status_code == 200
    assert rows(shop.engine, LEFT) == [("ana", "news")]


def test_to_choose_is_to_get_just_that(server: Served, shop: Shop) -> None:
    path = path_of(shop, "ana", "preferences")
    assert server.client.get(path).text.count(" checked>") == 2
    answer = server.client.post(path, data={"topic": ["texts", "bills", "made up"]})
    assert answer.text.count(" checked>") == 1
    assert 'role="status"' in answer.text
    assert rows(shop.engine, LEFT) == [("ana", "news")]
    server.client.post(path, data={"topic": ["texts"], "none": "1"})
    assert "news" in {topic for _, topic in rows(shop.engine, LEFT)}
    assert server.client.get(path).text.count(" checked>") == 0
    server.client.post(path, data={"topic": ["news"]})
    assert server.client.get(path).text.count(" checked>") == 1


@pytest.mark.parametrize(
    ("locale", "accepted", "language"),
    [
        ("id-ID", "en", "id"),
        ("in_ID", "en", "id"),
        ("en-GB", "id", "en"),
        (None, "de, id;q=0.8, en;q=0.4", "id"),
        (None, "id;q=0, en;q=0.1", "en"),
        (None, "", "en"),
        ("xx", ";;q=,\x7f", "en"),
    ],
)
def test_the_page_speaks_the_customers_language(
    shop: Shop, locale: str | None, accepted: str, language: str
) -> None:
    greeted(shop, "ana", **({"locale": locale} if locale else {}))
    with served(shop) as server:
        headers = {"accept-language": accepted.encode("latin-1")}
        answer = server.client.get(path_of(shop, "ana"), headers=headers)  # type: ignore[arg-type]  # raw
    assert f'<html lang="{language}">' in answer.text
    assert ("Berhenti berlangganan" in answer.text) == (language == "id")


def test_pages_hold_nothing_from_elsewhere_and_say_so(server: Served, shop: Shop) -> None:
    for path in (path_of(shop, "ana"), path_of(shop, "ana", "preferences"), "/nothing"):
        answer = server.client.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers
        assert not re.search(r"<script|<img|<link|@import|url\(|src=", answer.text)
        assert "ana@shop.example" not in answer.text


def test_names_of_the_playbooks_are_text_on_a_page(shop: Shop) -> None:
    greeted(shop, "ana")
    with served(shop) as server:
        path = path_of(shop, "ana", topic="<img src=x onerror=alert(1)>")
        assert "<img" not in server.client.get(path).text
        assert "<img" not in server.client.post(path).text


def test_a_base_with_a_path_is_answered_with_and_without_it(shop: Shop) -> None:
    greeted(shop, "ana")
    based = shop.files["project"].replace("https://shop.example", "https://shop.example/mail")
    path = path_of(shop, "ana")
    shop.write(project=based)
    with served(shop) as server:
        assert server.client.get("/mail" + path).status_code == 200
        assert server.client.get(path).status_code == 200
        assert server.client.get("/mailx" + path).status_code == 404
