"""Conditions that an installed package brings."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from harness import PACKAGES, Shop

from orchestrator.errors import EnvironmentFault
from orchestrator.playbook.check import check

NOW = "2026-03-31T09:00:00"
MODULE = "churn_conditions"


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the package be installed."""
    monkeypatch.syspath_prepend(str(PACKAGES))


@pytest.fixture
def people(shop: Shop) -> Shop:
    """Three customers, with scores."""
    shop.customers(ana={"points": 9}, ben={"points": 5}, cleo={"email": "cleo@else.example"})
    return shop.event("ana", "buy", "2026-03-01").event("ben", "buy", "2026-03-30")


@pytest.mark.parametrize(
    ("asked", "who"),
    [
        ({"custom": "likely_to_churn", "with": {"above": 5}}, {"ana"}),
        ({"custom": "likely_to_churn", "with": {"above": 4.5, "model": "points"}}, {"ana", "ben"}),
        ({"none": [{"custom": "likely_to_churn", "with": {"above": 5}}]}, {"ben", "cleo"}),
        ({"custom": "has_address_at", "with": {"domain": "shop.example"}}, {"ana", "ben"}),
        ({"custom": "late_buyer", "with": {"what": "buy", "since": "7 days"}}, {"ana"}),
        ({"none": [{"custom": "late_buyer", "with": {"what": "buy", "since": "7 days"}}]},
         {"ben", "cleo"}),
    ],
)  # fmt: skip
def test_a_select_or_an_expression_says_for_whom_it_holds(
    people: Shop, asked: dict[str, Any], who: set[str]
) -> None:
    assert people.selects(asked, NOW) == who


FLOW = """
flow: keep
status: live
starts_when: {{did: signed_up}}
steps: [{{send: hello, only_if: {asked}}}]
"""


def test_a_step_asks_of_each_customer(people: Shop) -> None:
    people.write(keep=FLOW.format(asked="{custom: likely_to_churn, with: {above: 5}}"))
    people.tick("2026-03-31T08:00")
    people.event("ana", "signed_up", NOW).event("ben", "signed_up", NOW)

    assert people.told(NOW) == [("ana", "send", "email")]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("raises", "failed: ZeroDivisionError: no customers to divide by"),
        (
            "returns_text",
            "returned neither a select of customer ids nor a boolean expression, but str",
        ),
        ("selects_two", "selects 2 columns; one is wanted, the customer.id"),
    ],
)
def test_a_condition_that_does_not_do_is_one_sentence(people: Shop, name: str, said: str) -> None:
    with pytest.raises(EnvironmentFault) as caught:
        people.selects({"custom": name}, NOW)

    told = f'the condition "{name}" of the package churn-conditions 1.2 {said}'
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            "{custom: likely_to_chrun}",
            'no installed package brings the condition "likely_to_chrun"',
        ),
        ("{custom: likely_to_churn}", '"likely_to_churn" needs the value "above"'),
        ("{custom: likely_to_churn, with: {abov: 1}}", 'takes no value "abov"'),
        ("{custom: likely_to_churn, with: {above: much}}", '"much" is not a number'),
        ("{custom: likely_to_churn, with: {above: $customer.points}}", "known for each customer"),
        ("{custom: likely_to_churn, with: {above: 1, model: pints}}", '"pints" is none of'),
        ("{custom: late_buyer, with: {what: bui, since: 1 day}}", 'unknown event "bui"'),
        ("{custom: late_buyer, with: {what: buy, since: long}}", '"long" is not a duration'),
        ("{custom: not_there}", "cannot be loaded: ModuleNotFoundError"),
        ("{custom: no_condition}", "is no CustomCondition, but a str"),
        ("{custom: strange_type}", 'takes a value of the unknown type "colour"'),
    ],
)
def test_check_says_what_is_wrong_at_its_place(shop: Shop, asked: str, said: str) -> None:
    shop.write(keep=FLOW.format(asked=asked))

    errors = [one for one in check(shop.folder).problems if one.severity == "error"]
    assert any(said in one.message and one.mark.line == 4 for one in errors), errors


def test_an_unknown_name_lists_the_installed_ones(shop: Shop) -> None:
    shop.write(keep=FLOW.format(asked="{custom: likely_to_chrun}"))

    found = next(one for one in check(shop.folder).problems if one.code == "CLM240")
    assert (found.help or "").startswith(
        'did you mean "likely_to_churn"? installed are: has_address_at, late_bu'
    )


def test_a_variable_may_stand_for_a_value(people: Shop) -> None:
    flow = FLOW.format(asked="{custom: likely_to_churn, with: {above: $score}}")
    people.write(keep=f"{flow}vars: {{score: 5}}\n")

    assert not [one for one in check(people.folder).problems if one.severity == "error"]


def loads(shop: Shop, module: str) -> bool:
    """Return whether a check of the project, in a process of its own, imports a module."""
    lines = (
        "import pathlib, sys",
        "from orchestrator.playbook.check import check",
        f"check(pathlib.Path({str(shop.folder)!r}))",
        f"sys.exit({module!r} in sys.modules)",
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PACKAGES), *sys.path])}
    ran = subprocess.run([sys.executable, "-c", "\n".join(lines)], env=environment, check=False)
    return ran.returncode == 1


def test_a_package_is_imported_only_where_it_is_used(shop: Shop) -> None:
    shop.write(keep=FLOW.format(asked="{did: buy}"))
    assert not loads(shop, MODULE)

    shop.write(keep=FLOW.format(asked="{custom: likely_to_churn, with: {above: 5}}"))
    assert loads(shop, MODULE)
    assert not loads(shop, "sqlalchemy")
