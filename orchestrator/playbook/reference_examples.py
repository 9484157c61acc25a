"""Texts of the reference that no class carries: introductions and examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator.channels.settings import ChannelSettings, OnInDoubt
from orchestrator.criteria.base import CriterionShape
from orchestrator.criteria.kinds.did import FollowingShape
from orchestrator.criteria.modifiers import TestsShape
from orchestrator.flow.base import StepsShape
from orchestrator.flow.steps.start_flow import OwnValue
from orchestrator.language.containers import Choice, ListOf, MapOf, OneOrMany, Pair
from orchestrator.language.literals import LiteralShape
from orchestrator.language.moments import DurationShape, Hours, MomentShape, TimeOfDay, Zone
from orchestrator.language.names import Ref
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.shapes import Number, OneOf, ScalarShape, Shape, Share, Truth, Whole
from orchestrator.language.words import Sentence, words_of
from orchestrator.playbook.model import (
    AnyValue,
    Attribute,
    AttributeShape,
    Blueprint,
    Catalog,
    ChannelsFile,
    Defaults,
    Expectation,
    Flow,
    FlowTest,
    FlowTests,
    FrequencyRule,
    Goal,
    Guardrails,
    Happening,
    Holdout,
    Input,
    Links,
    MessageFile,
    Project,
    QuietHours,
    ReEntryShape,
    SegmentsFile,
    SharedFile,
    Silence,
    Stage,
    StagesFile,
    StartsShape,
    Topic,
    TopicShape,
    VolumeLimit,
    Webhook,
)
from orchestrator.playbook.model.channels import ChannelsShape
from orchestrator.playbook.model.expectation import ExpectedShape
from orchestrator.playbook.model.given import GivenShape
from orchestrator.playbook.model.happening import HappeningShape
from orchestrator.playbook.model.offsets import AtShape, OffsetShape
from orchestrator.playbook.model.trial import CustomersShape


@dataclass(frozen=True)
class Example:
    """What a page begins with: a few sentences, and a document that reads without problems."""

    intro: str
    yaml: str


TITLES: dict[type[Sentence], str] = {
    Attribute: "A stored attribute",
    Blueprint: "The words of a blueprint",
    Catalog: "The words of a catalog file",
    ChannelsFile: "The words of a channels file",
    ChannelSettings: "The words of every channel",
    Defaults: "`defaults`",
    Expectation: "An item of `expect`",
    Flow: "The words of a flow",
    FlowTest: "The words of a test",
    FlowTests: "A file of several tests",
    FrequencyRule: "An item of `frequency`",
    Goal: "`goal`",
    Guardrails: "The words of `guardrails`",
    Happening: "An item of `timeline`",
    Holdout: "`holdout`",
    Input: "An input",
    Links: "`links`",
    MessageFile: "The words of `message.yaml`",
    OnInDoubt: "`on_in_doubt`",
    Project: "The words of the project file",
    QuietHours: "`quiet_hours`",
    SegmentsFile: "The words of a segments file",
    SharedFile: "A file that is included",
    Silence: "`receives: nothing`",
    Stage: "A stage",
    StagesFile: "The words of a stages file",
    Topic: "A topic",
    VolumeLimit: "`stop_if_more_than`",
    Webhook: "A webhook",
}

CONDITIONS_INTRO = """\
A condition is one mapping with exactly one of the head words below, and beside it the
words of that head. A list of conditions means that all of them hold; `all:`, `any:` and
`none:` take lists and nest. Every condition is true or false, never unknown: with a
missing value only `is_not`, `is_none_of` and `is_set: false` are true.

```yaml
audience:
  - subscribed_to: newsletter
  - any:
      - {did: purchase, in_last: 30 days}
      - {attribute: country, is: AT}
  - none: [{in_segment: employees}]
```

`$name` stands for a value of `vars`, always as a whole value. `$customer.x` and
`$entry.x` are values in comparisons."""

STEPS_INTRO = """\
A step is one mapping with exactly one of the head words below. Steps are walked from top
to bottom. Any step may have `id`, `only_if` and `note`. A step's id is its own `id`, else
the message for `send`, else a name made from the next send; people wait on steps by id."""

STARTS_INTRO = """\
`starts_when` takes one start, or `any:` a list of starts, each with an `id`. An occurrence
starts at most one run per customer, whatever runs twice. `id` stands beside every
head, `catch_up` beside every one but `matches`, which happens at no instant.

```yaml
starts_when:
  any:
    - {did: signed_up, id: by_form}
    - {enters_stage: lead, id: by_stage}
```"""

MEASURES_INTRO = """\
Instead of a type, an attribute can have a head that computes it from events. It is
evaluated where it is used, at the instant of the tick."""

FLOW = Example(
    "One file per flow, under `playbooks/`. See [starts](starts.md), [steps](steps.md), "
    "[conditions](conditions.md) and [guardrails](guardrails.md) for what stands inside.",
    """\
flow: win_back
title: Win back lapsed customers
owner: retention
status: live
starts_when: {enters_stage: lapsed}
audience:
  - {total_of: purchase.amount, at_least: 100, in_last: 2 years}
  - {not_received: win_back/any_offer, in_last: 90 days}
re_entry: after 6 months
goal: {did: purchase, within: 30 days}
exits_when: {did: complained, since: entry}
guardrails:
  holdout: {share: 10%}
  stop_if_more_than: {customers: 5000, per: 1 day}
steps:
  - send: we_miss_you
  - wait: 7 days
  - send: any_offer
    only_if: {clicked: we_miss_you}
    with: {discount: 10%}
""",
)
BLUEPRINT = Example(
    "A blueprint is the body of a flow with inputs: one file, from which several flows are made. "
    "Each says `from_blueprint` and fills the inputs in:\n\n"
    "```yaml\n"
    "flow: win_back_vip\n"
    "status: live\n"
    "from_blueprint: win_back\n"
    "inputs: {lapse: 90 days, offer: any_offer}\n"
    "guardrails: {priority: 80}\n"
    "```\n\n"
    "In the blueprint an input is a variable, `$lapse`, and stands where a whole value stands. "
    "Words that the flow says itself, such as `guardrails` here, stand in for the blueprint's; "
    "the steps are always the blueprint's. Of itself a blueprint does nothing, and it has no "
    "`status`: each flow made from it has its own. A problem in a blueprint is told at its place "
    "there, with the flow that was made from it.\n\n"
    "Blueprints are shared between projects, like segments and parts of the catalog, by "
    "`include`: a list of files inside the project's folder and outside of `playbooks/`. Whole "
    "named items are added, nothing is merged into one another: the same name in two places is "
    "an error. A file of `vars` alone gives its variables to the file that includes it.",
    """\
blueprint: win_back
inputs:
  lapse: {type: duration, default: 60 days, description: How long without a purchase}
  offer: {type: message, description: What brings them back}
starts_when: {matches: [{last: purchase, older_than: $lapse}]}
re_entry: after 6 months
goal: {did: purchase, within: 30 days}
steps:
  - send: we_miss_you
  - wait: 7 days
  - send: $offer
""",
)
PROJECT = Example(
    "One file, `playbooks/project.yaml`: who you are, and the limits that hold for every flow.",
    """\
project: acme_shop
timezone: Europe/Vienna
locale: de
currency: EUR
postal_address: Acme, Ringstrasse 1, 1010 Wien
links: {base_url: 'https://acme.example/mail'}
defaults: {channel: email, from: hello, send_between: 08:00-20:00}
guardrails:
  consent: required
  frequency: [{at_most: 1, per: 1 day}, {at_most: 3, per: 7 days}]
  quiet_hours: {between: 21:00-08:00}
  holdout: {share: 5%, seed: global_2026}
vars: {lapse: 60 days}
""",
)
CATALOG = Example(
    "What your data is called, and of which type it is. Several catalog files are one "
    "catalog. Events and columns that no catalog declares are stored, and unusable in rules.",
    """\
events:
  signed_up: {source: text}
  purchase: {amount: money, status: text, category: text, cart_id: text}
attributes:
  birthday: date
  country: {type: text, one_of: [DE, AT, CH, NO]}
  company_size: {type: number, personal: true}
  orders_30d: {count_of: purchase, in_last: 30 days}
  trial_ends_at: {first: signed_up, plus: 14 days}
topics:
  newsletter: marketing
  sms_offers: {purpose: marketing, channels: [sms]}
  receipts: transactional
senders: {hello: 'Acme <hello@acme.example>'}
lists: [paid_social_lapsed]
webhooks:
  loyalty_points: {url: 'https://acme.example/points'}
  usage_stats: {url: 'https://acme.example/usage', gives: {projects: number}}
""",
)
CHANNELS = Example(
    "One file, `playbooks/channels.yaml`: what carries the messages of each channel, and how "
    "fast. A project without it hands everything to the `file` adapter. With it, a channel that "
    "it does not set sends nothing: its messages stay queued.\n\n"
    "Passwords and keys never stand in it, only where they are: `env:NAME` of a variable, or "
    "`file:path`. They are read when messages leave, so `clmctl check` needs none of them.",
    """\
channels:
  email: {adapter: file, rate: 50 per second}
  sms: {adapter: dry_run, on_in_doubt: {marketing: park, transactional: resend}}
""",
)
STAGES = Example(
    "The stage model: every customer is in exactly one stage, the first that matches from "
    "top to bottom. Segments are names for conditions; a customer can be in many.",
    """\
stages:
  - {stage: lapsed, when: {last: purchase, older_than: 60 days}, stay_at_least: 3 days}
  - {stage: active, when: {did: purchase}, goal: buy again, metric: repeat rate}
  - {stage: lead, otherwise: true}
""",
)
SEGMENTS = Example(
    "### Segments",
    """\
segments:
  vip: {total_of: purchase.amount, at_least: 500, in_last: 1 year}
  cart_abandoners:
    did: cart_updated
    in_last: 7 days
    then_not: purchase
    within: 4 hours
    same: cart_id
""",
)
MESSAGE = Example(
    "A message is a folder of `templates/`. Its `message.yaml` is optional and says what must "
    "be known before channel and language; the text is in `<channel>[.<locale>].<format>.j2` "
    "beside it, with `subject` and `preheader` above the body.",
    """\
purpose: marketing
topic: newsletter
expires_after: 2 days
send_between: 09:00-18:00
from: hello
with: {discount: 10%}
""",
)
TEST = Example(
    "A test is a file `tests/playbooks/*.test.yaml`, with one test or with several under `tests`. "
    "[Testing](../testing.md) tells how tests are played, and what they take for granted.",
    """\
test: a buyer stops getting the welcome series
flow: welcome
clock: 2026-03-02 09:30
customers:
  anna: {first_name: Anna, country: AT}
  ben: {subscribed_to: []}
timeline:
  - {after: 0 min, customer: [anna, ben], did: signed_up}
  - {after: 3 days, customer: anna, did: purchase, amount: 40}
run_for: 21 days
expect:
  anna:
    - {after: 0 min, receives: welcome_hello, subject_contains: Anna}
    - {after: 2 days, receives: welcome_reminder}
    - {after: 2 days, leaves: completed}
    - {after: 3 days, reaches: goal}
  ben: {receives: nothing, because: consent}
""",
)
GUARDRAILS = Example(
    "Limits on what is sent: of the project for all flows together, of a flow in addition. "
    "Every refusal is recorded with its [reason](codes.md).",
    """\
consent: required
frequency:
  - {at_most: 1, per: 1 day}
  - {at_most: 2, per: 7 days, channel: sms}
quiet_hours: {between: 21:00-08:00, timezone: customer, dates: [2026-12-25]}
holdout: {share: 5%}
stop_if_more_than: {customers: 20000, per: 1 day}
priority: 80
""",
)

_NAMES = {
    "blueprint": "win_back",
    "custom condition": "likely_to_churn",
    "variant": "nurture_copy/story",
    "attribute": "country",
    "channel": "email",
    "customer": "anna",
    "event": "purchase",
    "flow": "welcome",
    "list": "paid_social_lapsed",
    "message": "welcome_hello",
    "message fact": "welcome_hello",
    "property": "purchase.amount",
    "segment": "vip",
    "sender": "hello",
    "stage": "active",
    "step": "call",
    "task": "call",
    "topic": "newsletter",
    "webhook": "loyalty_points",
}
_TEXTS = {
    "adapter": "file",
    "blueprint": "win_back",
    "description": "How long without a purchase",
    "inputs": "{lapse: 90 days}",
    "include": "../../shared/segments.yaml",
    "task": "Call this customer",
    "test": "a buyer stops getting the series",
    "leaves": "completed",
    "reaches": "goal",
    "because": "quiet_hours",
    "receives": "nothing",
    "base_url": "https://shop.example/mail",
    "currency": "EUR",
    "flow": "welcome",
    "goal": "buy again",
    "assign_to": "success_team",
    "lists": "paid_social_lapsed",
    "url": "https://shop.example/points",
    "meta": "{ticket: 12}",
    "metric": "repeat purchase rate",
    "note": "asked for by the shop team",
    "one_of": "gold",
    "owner": "retention",
    "postal_address": "Acme, Ringstrasse 1, 1010 Wien",
    "project": "acme_shop",
    "seed": "spring",
    "senders": "'Acme <hello@acme.example>'",
    "stage": "active",
    "tag": "newsletter",
    "tags": "newsletter",
    "title": "Win back lapsed customers",
    "trusted": "with.footer",
    "attachments": "terms.pdf",
    "id": "first_try",
    "locale": "de-AT",
    "reply_to": "care@shop.example",
    "same": "cart_id",
    "subject": '"Hello {{ customer.first_name }}"',
}
_WRITTEN: tuple[tuple[type[Shape[Any]], str], ...] = (
    (Truth, "true"),
    (ChannelsShape, "{email: {adapter: file}}"),
    (Share, "10%"),
    (Hours, "09:00-18:00"),
    (TimeOfDay, "09:30"),
    (Zone, "Europe/Vienna"),
    (MomentShape, "2026-01-31"),
    (OwnValue, "$entry.friend"),
    (LiteralShape, "50"),
    (ReEntryShape, "after 90 days"),
    (CriterionShape, "{did: purchase}"),
    (StepsShape, "[{send: welcome_hello}]"),
    (StartsShape, "{did: signed_up}"),
    (FollowingShape, "purchase"),
    (TestsShape, "{at_least: 50}"),
    (AttributeShape, "text"),
    (TopicShape, "marketing"),
    (AnyValue, "30 days"),
    (Number, "2"),
    (AtShape, "2026-03-02 09:30"),
    (OffsetShape, "3 days"),
    (GivenShape, "40"),
    (CustomersShape, "{anna: {country: AT}}"),
    (ExpectedShape, "[{after: 2 days, receives: welcome_hello}]"),
    (HappeningShape, "{after: 1 day, customer: anna, did: purchase, amount: 40}"),
)


def sample(key: str, shape: Shape[Any]) -> str:
    """Return a word with a value its shape reads, as one line of YAML."""
    return f"{key}: {_value(key, shape)}"


def _value(key: str, shape: Shape[Any]) -> str:
    match shape:
        case OneOf():
            return shape.words[0]
        case Whole():
            return str(max(shape.low, min(10, shape.high)))
        case DurationShape():
            return "3 days" if "day" in shape.units else "4 hours"
        case Ref():
            return _NAMES[shape.kind]
        case ListOf():
            items = [_value(key, shape.item)] * max(shape.least, 1)
            return f"[{', '.join(items)}]"
        case Pair():
            return "[10, 20]"
        case OneOrMany():
            return _value(key, shape.item)
        case MapOf():
            return f"{{{_key_of(key)}: {_value(key, shape.value)}}}"
        case Choice():
            return shape.words.words[0]
        case SentenceOf():
            return _sentence(shape.cls)
    fitting = (text for kind, text in _WRITTEN if isinstance(shape, kind))
    written = shape.sample or next(fitting, None)
    if written is None and isinstance(shape, ScalarShape):
        return _TEXTS.get(key, "a few words")
    return _TEXTS.get(key, written or "")


def _key_of(key: str) -> str:
    names = {"events": "purchase", "attributes": "country", "vars": "lapse", "where": "amount"}
    return names.get(key, "name")


def _sentence(cls: type[Sentence]) -> str:
    words = words_of(cls)
    chosen = [key for key, word in words.items() if word.required]
    chosen += [group[0] for group in cls.rules.any_of]
    chosen = chosen or [next(iter(words))]
    return f"{{{', '.join(sample(key, words[key].shape) for key in chosen)}}}"
