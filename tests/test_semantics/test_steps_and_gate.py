"""Semantics 41-64: steps and the gate.

What steps do beside sending (47-49) and 62 (the dispatcher), 64 (a check warning) stand with
their own tests.
"""

from __future__ import annotations

from harness import PROJECT, Shop, names
from sqlalchemy import select

from orchestrator import tables

EARLY, NOW = "2026-03-02T08:00:00", "2026-03-02T09:00:00"


def _flow(steps: str, more: str = "", name: str = "greet") -> str:
    return f"flow: {name}\nstatus: live\nstarts_when: {{did: view}}\n{more}\nsteps: {steps}\n"


def _viewed(shop: Shop, *ids: str, when: str = NOW) -> Shop:
    shop.tick(EARLY)
    for id in ids:
        shop.event(id, "view", when)
    return shop


# --- steps ----------------------------------------------------------------------------------


def test_rule_41_a_steps_id_is_its_own_else_the_message(shop: Shop) -> None:
    shop.write(greet=_flow("[{send: hello}, {send: hello, id: again}]")).customers(ana={})
    _viewed(shop, "ana")
    assert sorted(line["step"] for line in shop.tick(NOW)) == ["again", "hello"]


def test_rule_42_only_if_skips_a_step_without_a_word(shop: Shop) -> None:
    shop.write(greet=_flow("[{send: hello, only_if: {did: buy}}, {send: offer}]")).customers(ana={})
    _viewed(shop, "ana")
    assert [line["message"] for line in shop.tick(NOW)] == ["offer"]


def test_rule_42_a_held_send_that_is_no_longer_wanted_is_suppressed(shop: Shop) -> None:
    steps = "[{send: hello, send_between: '12:00-14:00', only_if: {did_not: buy}}]"
    shop.write(greet=_flow(steps)).customers(ana={})
    assert _viewed(shop, "ana").told(NOW) == [("ana", "hold", "send_between")]
    shop.event("ana", "buy", "2026-03-02T10:00:00")
    assert shop.told("2026-03-02T10:30:00") == []
    assert shop.told("2026-03-02T11:00:00") == [("ana", "suppress", "only_if")]


def test_rule_43_then_between_is_fixed_when_the_wait_is_reached(shop: Shop) -> None:
    steps = "[{wait: 1 hour, then_between: '09:00-11:00', on_days: [tuesday]}, {send: hello}]"
    shop.write(greet=_flow(steps)).customers(ana={})
    _viewed(shop, "ana").tick(NOW)
    assert shop.tick("2026-03-03T07:59:59") == []
    assert names(shop.tick("2026-03-03T15:00:00")) == {"ana"}


def test_rule_47_set_is_seen_at_once_and_add_counts_missing_as_0(shop: Shop) -> None:
    steps = """
    - {set: {points: {add: 2}}, id: first}
    - {set: {points: {add: 3}, plan: $entry.cart}, id: second}
    - {send: hello, only_if: [{attribute: points, is: 5}, {attribute: plan, is: red}]}
    """
    shop.write(greet=_flow(steps)).customers(ana={})
    shop.tick(EARLY)
    shop.event("ana", "view", NOW, cart="red")
    assert shop.told(NOW) == [("ana", "send", "email")]
    assert shop.selects({"attribute": "points", "is": 5}, NOW) == {"ana"}


def test_rule_20_messages_mean_this_run_inside_steps(shop: Shop) -> None:
    steps = "[{send: offer, only_if: {not_received: hello}}, {send: hello}]"
    shop.write(greet=_flow(steps, "re_entry: always")).customers(ana={})
    _viewed(shop, "ana")
    assert len(shop.tick(NOW)) == 2
    shop.event("ana", "view", "2026-03-03T09:00:00")
    assert len(shop.tick("2026-03-03T09:00:00")) == 2


def test_rule_22_a_split_sticks_and_names_its_share(shop: Shop) -> None:
    steps = """
    - id: copy
      split:
        short: {share: 50%, do: [{send: hello}]}
        long: {share: 50%, do: [{send: offer}]}
    """
    ids = [f"c{number}" for number in range(20)]
    shop.write(greet=_flow(steps, "re_entry: always")).customers(**{id: {} for id in ids})
    first = {line["customer"]: line["variant"] for line in _viewed(shop, *ids).tick(NOW)}
    assert set(first.values()) == {"copy/short", "copy/long"}
    for id in ids:
        shop.event(id, "view", "2026-03-03T09:00:00")
    again = {line["customer"]: line["variant"] for line in shop.tick("2026-03-03T09:00:00")}
    assert again == first


# --- consent, addresses ---------------------------------------------------------------------


def test_rule_51_ignore_leaves_out_the_projects_rule_and_keeps_the_flows_own(shop: Shop) -> None:
    project = PROJECT.replace("quiet_hours: none", "holdout: {share: 100%}")
    ignored, own = "ignore: [quiet_hours, holdout]", "quiet_hours: {between: 09:00-24:00}"
    shop.write(
        project=project,
        free=_flow("[{send: hello}]", f"guardrails: {{{ignored}}}").replace("greet", "free"),
        strict=_flow("[{send: hello}]", f"guardrails: {{{ignored}, {own}}}").replace(
            "greet", "strict"
        ),
    ).customers(ana={})
    told = _viewed(shop, "ana").told("2026-03-02T22:00:00")
    assert told == [("ana", "send", "email"), ("ana", "hold", "quiet_hours")]


def test_rule_52_marketing_needs_a_topic_that_covers_the_channel(shop: Shop) -> None:
    shop.write(greet=_flow("[{send: hello, channel: sms}]")).customers(
        ana={"phone": "+431", "topics": ["news"]}, ben={"phone": "+432", "topics": ["texts"]}
    )
    told = _viewed(shop, "ana", "ben").told(NOW)
    assert told == [("ana", "suppress", "consent"), ("ben", "send", "sms")]


def test_rule_52_the_latest_act_holds_and_a_withdrawal_wins_a_tie(shop: Shop) -> None:
    shop.write(greet=_flow("[{send: hello, topic: news}]")).customers(ana={}, ben={}, cleo={})
    shop.consent("ana", "news", EARLY, withdrawn=True)
    shop.consent("ben", "news", EARLY, withdrawn=True).consent("ben", "news", EARLY)
    shop.consent("cleo", "news", EARLY, withdrawn=True).consent("cleo", "news", NOW)
    assert names(
        line for line in _viewed(shop, "ana", "ben", "cleo").tick(NOW) if line["channel"]
    ) == {"cleo"}


def test_rule_52_transactional_needs_no_consent_and_ignores_quiet_hours(shop: Shop) -> None:
    project = PROJECT.replace("quiet_hours: none", "holdout: {share: 100%}")
    shop.write(project=project, greet=_flow("[{send: hello, purpose: transactional}]"))
    shop.customers(ana={"topics": []})
    assert _viewed(shop, "ana").told("2026-03-02T23:00:00") == [("ana", "send", "email")]


def test_rule_53_on_each_channel_sends_on_all_that_can_be_reached(shop: Shop) -> None:
    steps = "[{send: hello, channels: [email, sms, push], on_each_channel: true}]"
    shop.write(greet=_flow(steps)).customers(
        ana={"phone": "+431", "topics": ["news", "texts"]},
        ben={"push_token": "b"},
        cleo={"topics": []},
    )
    assert sorted(_viewed(shop, "ana", "ben", "cleo").told(NOW)) == [
        ("ana", "send", "email"),
        ("ana", "send", "sms"),
        ("ben", "send", "email"),
        ("ben", "send", "push"),
        ("cleo", "suppress", "consent"),
    ]
    assert shop.told("2026-03-02T10:00:00") == []


def test_rule_53_a_message_on_each_channel_counts_once(shop: Shop) -> None:
    limits = "quiet_hours: none, frequency: [{at_most: 2, per: 1 day}]"
    steps = """
    - {send: hello, channels: [email, push, preferred], on_each_channel: true}
    - {send: offer, only_if: {none: [{received: any, at_least: 2}]}}
    - {send: last}
    """
    project = PROJECT.replace("quiet_hours: none", limits)
    shop.write(project=project, greet=_flow(steps))
    shop.customers(ana={"push_token": "a", "preferred_channel": "push"})
    assert _viewed(shop, "ana").told(NOW) == [
        ("ana", "send", "email"),
        ("ana", "send", "push"),
        ("ana", "hold", "frequency"),
        ("ana", "send", "email"),
    ]


def test_rule_53_a_cap_of_one_channel_holds_a_message_that_takes_it_too(shop: Shop) -> None:
    limits = "quiet_hours: none, frequency: [{at_most: 1, per: 1 day, channel: push}]"
    steps = """
    - {send: hello, channel: push}
    - {send: offer, channels: [email, push], on_each_channel: true}
    """
    shop.write(project=PROJECT.replace("quiet_hours: none", limits), greet=_flow(steps))
    shop.customers(ana={"push_token": "a"}, ben={})
    assert sorted(_viewed(shop, "ana", "ben").told(NOW)) == [
        ("ana", "hold", "frequency"),
        ("ana", "send", "push"),
        ("ben", "send", "email"),
        ("ben", "suppress", "unreachable"),
    ]


def test_rule_58_if_refused_exit_leaves_the_flow(shop: Shop) -> None:
    steps = "[{send: hello, if_refused: exit}, {send: offer, purpose: transactional}]"
    shop.write(greet=_flow(steps)).customers(ana={"topics": []}, ben={})
    assert sorted(_viewed(shop, "ana", "ben").told(NOW)) == [
        ("ana", "suppress", "consent"),
        ("ben", "send", "email"),
        ("ben", "send", "email"),
    ]
    with shop.engine.connect() as connection:
        row = tables.enrollment.c
        found = connection.execute(select(row.exit_reason, row.exit_detail)).all()
    assert sorted(map(tuple, found)) == [("completed", None), ("step", "refused: consent")]


def test_rule_53_channels_are_tried_in_order(shop: Shop) -> None:
    steps = "[{send: hello, channels: [preferred, sms, email]}]"
    shop.write(greet=_flow(steps)).customers(
        push={"preferred_channel": "push", "push_token": "t", "phone": "+431"},
        sms={"phone": "+432"},
        mail={"preferred_channel": "push"},
        none={"email": None},
    )
    told = _viewed(shop, "push", "sms", "mail", "none").told(NOW)
    assert told == [
        ("mail", "send", "email"),
        ("none", "suppress", "unreachable"),
        ("push", "send", "push"),
        ("sms", "send", "sms"),
    ]


def test_rule_53_who_prefers_nothing_is_unreachable_on_the_preferred_channel(shop: Shop) -> None:
    shop.write(greet=_flow("[{send: hello, channels: [preferred]}]")).customers(
        ana={},
        ben={"preferred_channel": "pigeon"},
        cleo={"topics": []},
        dan={"topics": [], "preferred_channel": "email"},
    )
    assert _viewed(shop, "ana", "ben", "cleo", "dan").told(NOW) == [
        ("ana", "suppress", "unreachable"),
        ("ben", "suppress", "unreachable"),
        ("cleo", "suppress", "unreachable"),
        ("dan", "suppress", "consent"),
    ]


# --- precedence, slots, caps ----------------------------------------------------------------


def test_rule_54_priority_decides_who_uses_up_the_cap(shop: Shop) -> None:
    project = PROJECT.replace("none}", "none, frequency: [{at_most: 1, per: 1 day}]}")
    shop.write(project=project, alpha=_flow("[{send: hello}]", "", "alpha"))
    shop.write(beta=_flow("[{send: offer}]", "guardrails: {priority: 60}", "beta"))
    shop.customers(ana={})
    found = [
        (line["flow"], line["decision"], line["reason"]) for line in _viewed(shop, "ana").tick(NOW)
    ]
    assert found == [("alpha", "hold", "frequency"), ("beta", "send", None)]


def test_rule_55_quiet_hours_hold_until_they_are_over(shop: Shop) -> None:
    shop.write(project="project: shop\ntimezone: Europe/Vienna\n", greet=_flow("[{send: hello}]"))
    shop.customers(ana={}, ben={"timezone": "Asia/Kathmandu"})
    told = _viewed(shop, "ana", "ben", when="2026-03-02T19:59:59").told("2026-03-02T20:00:00")
    assert told == [("ana", "hold", "quiet_hours"), ("ben", "hold", "quiet_hours")]
    assert shop.told("2026-03-03T02:14:59") == []
    assert shop.told("2026-03-03T02:15:00") == [("ben", "send", "email")]
    assert shop.told("2026-03-03T07:00:00") == [("ana", "send", "email")]


def test_rule_55_the_nearest_send_between_applies_alone(shop: Shop) -> None:
    project = PROJECT + "defaults: {send_between: 12:00-13:00}\n"
    shop.write(
        project=project, greet=_flow("[{send: hello}, {send: offer, send_between: '08:00-20:00'}]")
    )
    shop.customers(ana={})
    shop.template("hello", "send_between: 10:00-11:00")
    assert [line["message"] for line in _viewed(shop, "ana").tick(NOW)] == ["hello", "offer"]


def test_rule_56_a_frequency_rule_counts_a_window_that_excludes_its_start(shop: Shop) -> None:
    project = PROJECT.replace("none}", "none, frequency: [{at_most: 1, per: 1 day}]}")
    shop.write(project=project, greet=_flow("[{send: hello}, {send: offer}]")).customers(ana={})
    told = _viewed(shop, "ana").told(NOW)
    assert told == [("ana", "send", "email"), ("ana", "hold", "frequency")]
    assert shop.told("2026-03-03T08:59:59.999999") == []
    assert shop.told("2026-03-03T09:00:00") == [("ana", "send", "email")]


def test_rule_57_past_the_volume_limit_all_sends_are_held(shop: Shop) -> None:
    more = "guardrails: {stop_if_more_than: {customers: 2, per: 1 day}}"
    shop.write(greet=_flow("[{send: hello}]", more)).customers(ana={}, ben={}, cleo={})
    told = _viewed(shop, "ana", "ben", "cleo").told(NOW)
    assert told == [(id, "hold", "volume") for id in ("ana", "ben", "cleo")]
    assert shop.told("2026-03-02T10:00:00") == []


def test_rule_58_a_hold_expires_with_its_last_reason_and_the_run_goes_on(shop: Shop) -> None:
    steps = "[{send: hello, send_between: '10:00-11:00', expires_after: 1 day}, {send: offer}]"
    shop.write(greet=_flow(steps)).customers(ana={})
    assert _viewed(shop, "ana", when="2026-03-02T10:00:00").told("2026-03-02T10:00:00") == [
        ("ana", "hold", "send_between")
    ]
    told = shop.told("2026-03-03T10:00:00")
    assert told == [("ana", "expire", "send_between"), ("ana", "send", "email")]


def test_rule_58_a_hold_expires_though_no_tick_ever_falls_into_its_slot(shop: Shop) -> None:
    steps = "[{send: hello, send_between: '10:00-11:00', expires_after: 1 day}]"
    shop.write(greet=_flow(steps)).customers(ana={})
    _viewed(shop, "ana", when="2026-03-02T20:00:00").tick("2026-03-02T20:00:00")
    assert shop.told("2026-03-03T20:00:00") == [("ana", "expire", "send_between")]


def test_rule_58_a_refusal_lets_the_run_go_on(shop: Shop) -> None:
    shop.write(greet=_flow("[{send: hello, channel: push}, {send: offer}]")).customers(ana={})
    told = _viewed(shop, "ana").told(NOW)
    assert told == [("ana", "suppress", "unreachable"), ("ana", "send", "email")]


def test_rule_59_a_holdout_withholds_marketing_and_is_not_received(shop: Shop) -> None:
    more = "guardrails: {holdout: {share: 100%}}"
    steps = "[{send: hello}, {send: offer, purpose: transactional, only_if: {not_received: hello}}]"
    shop.write(greet=_flow(steps, more)).customers(ana={})
    told = _viewed(shop, "ana").told(NOW)
    assert told == [("ana", "suppress", "holdout"), ("ana", "send", "email")]


def test_rule_60_a_hold_is_told_once_and_closed_once(shop: Shop) -> None:
    steps = "[{send: hello, send_between: '12:00-14:00'}]"
    shop.write(greet=_flow(steps, "exits_when: {did: buy, since: entry}")).customers(ana={})
    assert _viewed(shop, "ana").told(NOW) == [("ana", "hold", "send_between")]
    assert shop.told("2026-03-02T10:00:00") == []
    shop.event("ana", "buy", "2026-03-02T10:15:00")
    (line,) = shop.tick("2026-03-02T10:30:00")
    assert (line["decision"], line["reason"], line["detail"]) == ("suppress", "run_ended", "exit")
    assert shop.told("2026-03-02T12:00:00") == []


def test_rule_60_lines_sort_by_customer_flow_entry_and_step(shop: Shop) -> None:
    shop.write(
        beta=_flow("[{send: hello}]", "", "beta"), alpha=_flow("[{send: offer}]", "", "alpha")
    )
    shop.customers(b={}, a={}, A={})
    found = [(line["customer"], line["flow"]) for line in _viewed(shop, "b", "a", "A").tick(NOW)]
    assert found == [(id, flow) for id in ("A", "a", "b") for flow in ("alpha", "beta")]


def test_rule_61_an_exit_step_keeps_its_text_as_detail(shop: Shop) -> None:
    shop.write(greet=_flow("[{exit: enough}, {send: hello}]")).customers(ana={})
    assert _viewed(shop, "ana").tick(NOW) == []
    assert shop.runs() == [("greet", "ana", 1, "step")]


def test_rule_63_a_customers_value_may_stand_in_a_comparison(shop: Shop) -> None:
    more = "audience: {attribute: entry.score, more_than: $customer.points}"
    shop.write(greet=_flow("[{send: hello}]", more)).customers(
        ana={"points": 4}, ben={"points": 5}, cleo={}
    )
    shop.tick(EARLY)
    for id in ("ana", "ben", "cleo"):
        shop.event(id, "view", NOW, score=5)
    assert names(shop.tick(NOW)) == {"ana"}
