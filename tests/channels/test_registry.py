"""Adapters by name: built in, or brought by packages, which may be wrong in many ways."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from brought import install_adapters

from orchestrator.channels.base import Capabilities, Channel
from orchestrator.channels.registry import (
    BUILT_IN,
    adapter_names,
    carrying,
    find_adapter,
    wrong_with,
)
from orchestrator.channels.settings import ChannelSettings
from orchestrator.channels.spec import CHANNELS, ChannelSpec
from orchestrator.errors import EnvironmentFault


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    install_adapters(monkeypatch)


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_built_in_adapter_is_what_it_must_be(name: str) -> None:
    adapter = find_adapter(name)

    assert issubclass(adapter, Channel)
    assert wrong_with(adapter, name) is None


def test_an_adapter_of_a_package_is_found_and_its_channel_joins_the_language() -> None:
    assert "drum" not in CHANNELS

    adapter = find_adapter("drum")

    assert adapter.__name__ == "DrumChannel"
    assert CHANNELS["drum"].address is None
    assert carrying("drum")[0] == "drum"
    assert "drum" in adapter_names()


KITE = ChannelSpec("kite", None, covered=False, formats=("txt",))


def strange(spec: ChannelSpec = KITE, **able: Any) -> type[Channel]:
    """Return an adapter that says this of itself."""
    said = {"name": "kite", "spec": spec, "Settings": ChannelSettings, "send": print}
    return type("Kite", (Channel,), {**said, "capabilities": Capabilities(**able)})


@pytest.mark.parametrize(
    ("adapter", "says"),
    [
        (strange(at_once=0), "at_once are whole numbers from 1, not 0"),
        (strange(batch="5"), "from 1, not '5'"),
        (strange(timeout=timedelta()), "timeout is a timedelta"),
        (strange(timeout=30), "timeout is a timedelta"),
        (strange(timeout=timedelta(days=2)), "at most a day"),
        (strange(idempotent=True, key_ttl=60), "key_ttl is a timedelta"),
        (strange(key_ttl=timedelta(days=1)), "key_ttl is for adapters that are idempotent"),
        (strange(ChannelSpec("../x", None, covered=False, formats=("txt",))), "is not called"),
        (strange(ChannelSpec("preferred", None, covered=False, formats=("txt",))), "not called"),
        (strange(ChannelSpec("kite", None, covered=False, formats=())), "spec.formats is ()"),
        (
            strange(ChannelSpec("kite", "window", covered=False, formats=("txt",))),  # type: ignore[arg-type]  # no such kind
            "spec.address is 'window'",
        ),
    ],
)
def test_what_an_adapter_cannot_be_is_told_before_it_is_used(
    adapter: type[Channel], says: str
) -> None:
    wrong = wrong_with(adapter, "kite")

    assert wrong is not None
    assert says in wrong


def test_no_package_stands_in_for_a_built_in_adapter() -> None:
    assert find_adapter("file").__module__ == "orchestrator.channels.file"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no_channel", "of the package strange-channels 0.3 is no Channel, but a dict"),
        ("no_class", "is no Channel, but DrumSettings"),
        ("another_name", 'calls itself "drum"'),
        ("takes_email", 'the channel "email" is said to be'),
        ("half_done", "does not define send"),
        ("no_settings", "has no Settings derived from ChannelSettings"),
        ("not_there", "cannot be loaded: ModuleNotFoundError"),
        ("raises", "cannot be loaded: RuntimeError: this drum"),
    ],
)
def test_an_adapter_that_is_none_is_told_with_its_package(name: str, says: str) -> None:
    with pytest.raises(EnvironmentFault) as fault:
        find_adapter(name)

    assert says in str(fault.value)
    assert "\n" not in str(fault.value)


def test_an_unknown_name_is_none() -> None:
    with pytest.raises(LookupError):
        find_adapter("carrier_snail")


def test_a_channel_joins_once_and_never_changes() -> None:
    spec = ChannelSpec("smoke", None, covered=False, formats=("txt",))

    CHANNELS.join(spec)
    CHANNELS.join(ChannelSpec("smoke", None, covered=False, formats=("txt",)))

    with pytest.raises(ValueError, match="smoke"):
        CHANNELS.join(ChannelSpec("smoke", "phone", covered=False, formats=("txt",)))
    assert CHANNELS["smoke"] == spec


def test_adapters_leave_what_is_heavy_until_they_send() -> None:
    code = """
import sys
from orchestrator.channels.registry import BUILT_IN, find_adapter
for name in BUILT_IN:
    find_adapter(name)
heavy = ("sqlalchemy", "pydantic", "cryptography", "httpcore", "phonenumbers", "apprise")
print([name for name in heavy if name in sys.modules])
"""

    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)

    assert done.stdout.strip() == "[]"


def test_no_adapter_is_imported_before_its_name_is_said() -> None:
    code = (
        "import sys, orchestrator.playbook.check; "
        "print([name for name in sys.modules if 'channels.file' in name or 'channels.sms' in name])"
    )

    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)

    assert done.stdout.strip() == "[]"
