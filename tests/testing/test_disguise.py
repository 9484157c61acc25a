"""A masked customer falls into the same shares as the real one."""

from __future__ import annotations

from harness import Shop

from orchestrator.criteria.buckets import bucket, customer_base
from orchestrator.testing.disguise import cuts_of, disguise
from orchestrator.testing.extract import extract

PROJECT = """
project: shop
timezone: Europe/Vienna
guardrails: {holdout: {share: 10%, seed: everybody}}
"""
SEGMENTS = "segments: {some: [{did: buy}, {sample: 30%}]}"
OTHER = """
flow: other
status: live
starts_when: {did: view}
steps:
  - id: half
    split: {a: {share: 50%, do: [{send: hello}]}, b: {share: 50%}}
"""
FLOW = """
flow: care
status: live
starts_when: {did: signed_up}
audience: [{in_segment: some}, {sample: 20%, seed: mine}]
guardrails: {holdout: {share: 5%}}
steps:
  - id: copy
    split: {short: {share: 25%, do: [{send: hello}]}, long: {share: 75%}}
"""


def test_the_new_name_has_every_share_of_the_old_one(shop: Shop) -> None:
    shop.write(project=PROJECT, segments=SEGMENTS, care=FLOW, other=OTHER)
    part = extract(shop.playbook, ["care"])
    cuts = cuts_of(part)
    assert cuts == {
        "holdout:care": [500],
        "everybody": [1000],
        "split:care/copy": [2500, 10000],
        "sample:some": [3000],
        "mine": [2000],
    }
    for number in range(20):
        base = customer_base(f"c_{number}")
        name = disguise(base, part)
        assert name is not None
        for seed, bounds in cuts.items():
            old, new = bucket(seed, base), bucket(seed, customer_base(name))
            assert [old < bound for bound in bounds] == [new < bound for bound in bounds]


def test_a_share_of_another_flow_counts_where_it_is_asked_about(shop: Shop) -> None:
    asks = FLOW.replace("{sample: 20%, seed: mine}", "{in_variant: other/half/a}")
    shop.write(project=PROJECT, segments=SEGMENTS, care=asks, other=OTHER)
    cuts = cuts_of(extract(shop.playbook, ["care"]))
    assert cuts["split:other/half"] == [0, 5000]


def test_without_shares_the_plain_name_will_do(shop: Shop) -> None:
    shop.write(other=OTHER, plain=FLOW.partition("audience")[0] + "steps: [{send: hello}]\n")
    plain = shop.playbook.flows["care"]
    assert disguise(customer_base("c_1"), extract(shop.playbook, [str(plain.flow)])) == "someone"
