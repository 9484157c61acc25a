"""Codes of layer 3: values and words that do not fit each other."""

from __future__ import annotations

from orchestrator.language.codes.code import Code

TYPES: dict[str, Code] = {
    "CLM301": Code(
        "the shares are not 100%",
        "Every customer falls into exactly one share of a split, so together they are 100%.",
        "split: {a: {share: 50%}, b: {share: 40%}}",
        "split: {a: {share: 50%}, b: {share: 50%}}",
    ),
    "CLM302": Code(
        "a test that does not fit the type",
        "The catalog says which type a value has, and not every test can be made of every type.",
        "{attribute: country, in_last: 3 days}",
        "{attribute: country, is: AT}",
    ),
    "CLM303": Code(
        "not a value of this type",
        "The value compared with, or set, does not have the type that the catalog declares.",
        "{attribute: birthday, is: 2026-02-30}",
        "{attribute: birthday, is: 2026-02-28}",
    ),
    "CLM304": Code(
        "none of the declared values",
        "The catalog lists the values of this attribute under one_of, and this is none of them.",
        "{attribute: country, is: AUT}",
        "{attribute: country, is: AT}",
    ),
    "CLM305": Code(
        "a value of the wrong type for this word",
        "Totals and averages need a number or money, anniversaries and dates a date.",
        "total_of: purchase.category",
        "total_of: purchase.amount",
    ),
    "CLM306": Code(
        "not a number of whole days",
        "A date has no time of day, so it is compared in days, weeks, months or years.",
        "{attribute: birthday, in_next: 12 hours}",
        "{attribute: birthday, in_next: 1 day}",
    ),
    "CLM307": Code(
        "not a number of times",
        "Events are counted in whole numbers from 0.",
        "{did: purchase, at_least: 2.5}",
        "{did: purchase, at_least: 3}",
    ),
    "CLM308": Code(
        "an attribute that a flow cannot set",
        "Computed attributes follow from events, and what comes with the customer belongs to the "
        "import. {add: n} needs a number or money.",
        "set: {orders_30d: 5}",
        "set: {favourite: tea}",
    ),
    "CLM309": Code(
        "exits_when with a bare list",
        "Elsewhere a list means all of its items; here readers expect any. Say which is meant.",
        "exits_when: [{did: purchase}, {did: complained}]",
        "exits_when: {any: [{did: purchase}, {did: complained}]}",
    ),
    "CLM310": Code(
        "matches with re_entry: always",
        "matches is asked again at every tick, so whoever matches would start anew at every tick.",
        "starts_when: {matches: …}\nre_entry: always",
        "starts_when: {matches: …}\nre_entry: after 30 days",
    ),
    "CLM311": Code(
        "a flow that closes before it opens",
        "No occurrence lies between closes and opens, so nobody would ever enter.",
        "opens: 2026-12-01\ncloses: 2026-11-01",
        "opens: 2026-11-01\ncloses: 2026-12-01",
    ),
    "CLM313": Code(
        "a marketing send with a transactional topic",
        "A transactional topic is no consent to marketing. Either the send is transactional, or it "
        "needs a marketing topic.",
        "{send: sale, topic: receipts}",
        "{send: sale, topic: newsletter}",
    ),
    "CLM314": Code(
        "an attribute that is built in",
        "Every customer has id, email, phone, push_token, locale, timezone, preferred_channel, "
        "preferred_time and created_at, with a type of their own.",
        "attributes: {created_at: text}",
        "attributes: {signed_up_as: text}",
    ),
    "CLM319": Code(
        "nothing to skip",
        "if_past: skip_next leaves out the step that follows in the same list; here none does.",
        "do: [{wait_until_date: renewal, if_past: skip_next}]",
        "do: [{wait_until_date: renewal, if_past: skip_next}, {send: soon}]",
    ),
    "CLM331": Code(
        "consent without an act",
        "subscribe_to writes down that the customer wants this. So they must have done something "
        "in the run before: an event that starts it, or one that a condition before the step asks "
        "for.",
        "starts_when: {every: monday}\nsteps: [{subscribe_to: newsletter}]",
        "starts_when: {did: signed_up}\nsteps: [{subscribe_to: newsletter}]",
    ),
}
