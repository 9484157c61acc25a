"""Which countries phone numbers without one can be of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import phonenumbers
import pytest

from orchestrator.channels.call_task import CallTaskChannel
from orchestrator.channels.regions import REGIONS
from orchestrator.testing.channels import adapter_of

if TYPE_CHECKING:
    from pathlib import Path


def test_the_countries_are_those_whose_numbers_are_read() -> None:
    assert list(REGIONS) == sorted(phonenumbers.SUPPORTED_REGIONS)


@pytest.mark.parametrize(("word", "help"), [("UK", "the United Kingdom is GB"), ("at", '"AT"')])
def test_a_country_that_is_none_is_named_with_the_right_one(
    tmp_path: Path, word: str, help: str
) -> None:
    with pytest.raises(ValueError, match=help):
        adapter_of(CallTaskChannel, f"{{region: {word}}}", folder=tmp_path)
