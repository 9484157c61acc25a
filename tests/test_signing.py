from __future__ import annotations

import hmac
import multiprocessing
import stat
from hashlib import sha256
from pathlib import Path

import pytest

from orchestrator.errors import EnvironmentFault
from orchestrator.signing import SECRET_FILE, Keys, Secret, keys_of

FIRST, SECOND = "f" * 40, "s" * 40
KEY = "v1.shop.c_1.win_back.1.hello.0.email.0"


@pytest.fixture(autouse=True)
def _no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLM_SECRET_KEY", raising=False)
    monkeypatch.delenv("CLM_SECRET_KEYS_OLD", raising=False)


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    made = keys_of(tmp_path)
    assert keys_of(tmp_path) == made
    assert stat.S_IMODE((tmp_path / SECRET_FILE).stat().st_mode) == 0o600
    assert (tmp_path / ".clm" / ".gitignore").read_text() == "*\n"
    assert sorted(one.name for one in (tmp_path / ".clm").iterdir()) == [".gitignore", "secret.key"]


def _kid(project: Path) -> str:
    return keys_of(project).current.kid


def test_processes_that_race_for_the_first_secret_agree(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(_kid, [tmp_path] * 16, chunksize=1))) == 1


def test_a_key_is_derived_as_rfc_5869_says() -> None:
    extracted = hmac.new(b"clmctl/v1", FIRST.encode(), sha256).digest()
    assert Secret(FIRST).key("kid") == hmac.new(extracted, b"kid\x01", sha256).digest()


def test_the_environment_counts_before_the_file_which_still_verifies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = keys_of(tmp_path).token("unsubscribe", "x")
    monkeypatch.setenv("CLM_SECRET_KEY", FIRST)
    keys = keys_of(tmp_path)
    assert keys.current == Secret(FIRST)
    assert keys.payload("unsubscribe", token) == "x"


@pytest.mark.parametrize("place", ["file", "environment"])
def test_tokens_of_an_old_secret_verify_for_ever(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = Keys(Secret(FIRST)).token("unsubscribe", "x")
    if place == "file":
        (tmp_path / ".clm").mkdir()
        (tmp_path / SECRET_FILE).write_text(f"# since May\n{SECOND}\n\n{FIRST}\n")
    else:
        monkeypatch.setenv("CLM_SECRET_KEY", SECOND)
        monkeypatch.setenv("CLM_SECRET_KEYS_OLD", f"{'o' * 40}, {FIRST}")
    keys = keys_of(tmp_path)
    assert keys.payload("unsubscribe", token) == "x"
    assert keys.token("unsubscribe", "x") != token


def test_without_the_old_secret_its_tokens_say_nothing() -> None:
    token = Keys(Secret(FIRST)).token("unsubscribe", "x")
    assert Keys(Secret(SECOND)).payload("unsubscribe", token) is None


def test_a_token_is_worth_nothing_for_another_purpose() -> None:
    keys = Keys(Secret(FIRST))
    assert keys.payload("preferences", keys.token("unsubscribe", "x")) is None


def test_no_other_writing_of_a_token_is_taken() -> None:
    """Every single character matters, the spare bits at the end of base64 included."""
    keys = Keys(Secret(FIRST))
    token = keys.token("unsubscribe", "news.v1.shop.c_1")
    assert keys.payload("unsubscribe", token) == "news.v1.shop.c_1"
    others = [token[:at] + other + token[at + 1 :] for at in range(len(token)) for other in "Aé.=_"]
    cut = [token[:at] for at in range(len(token))]
    wrong = {*others, *cut, token + "=", token + "A", " " + token, token * 100, "", "...", "v1.."}
    for one in wrong - {token}:
        assert keys.payload("unsubscribe", one) is None, one


def test_a_provider_key_is_steady_and_fits_every_provider() -> None:
    keys = Keys(Secret(FIRST))
    key = keys.provider_key(KEY)
    assert key == Keys(Secret(FIRST), (Secret(SECOND),)).provider_key(KEY)
    assert key != Keys(Secret(SECOND)).provider_key(KEY)
    assert key != keys.provider_key(KEY + "1")
    assert len(key) == 40
    assert set(key) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


def test_a_secret_does_not_show() -> None:
    keys = Keys(Secret(FIRST), (Secret(SECOND),))
    assert FIRST not in repr(keys)
    assert SECOND not in f"{keys} {keys.current}"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("CLM_SECRET_KEY", ""), ("CLM_SECRET_KEY", " " * 50), ("CLM_SECRET_KEYS_OLD", "short")],
)
def test_an_empty_or_short_secret_is_refused(
    variable: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(EnvironmentFault, match="too short"):
        keys_of(tmp_path)


def test_an_emptied_file_is_no_reason_to_make_a_new_secret(tmp_path: Path) -> None:
    (tmp_path / ".clm").mkdir()
    (tmp_path / SECRET_FILE).write_text("\n")
    with pytest.raises(EnvironmentFault, match="holds no secret"):
        keys_of(tmp_path)
