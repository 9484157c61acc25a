"""Codes of layer 2: names that are defined nowhere, twice, or stand out of place."""

from __future__ import annotations

from orchestrator.language.codes.code import Code

NAMES: dict[str, Code] = {
    "CLM201": Code(
        "an unknown event",
        "The catalog declares no event of this name. Rules may only use declared events, because "
        "a misspelled one would silently match nobody.",
        "did: purchse",
        "did: purchase",
    ),
    "CLM202": Code(
        "an unknown property",
        "The catalog declares no such property of this event.",
        "total_of: purchase.amout",
        "total_of: purchase.amount",
    ),
    "CLM203": Code(
        "an unknown variable",
        "A $name stands for a value from vars: of the flow, of its file or of the project, or from "
        "--var. It must stand alone, and a variable is a plain value.",
        "within: $cooloff",
        "vars: {cool_off: 3 days}\nwithin: $cool_off",
    ),
    "CLM204": Code(
        "an unknown attribute",
        "The catalog declares no attribute of this name, and it is none that every customer has.",
        "attribute: contry",
        "attribute: country",
    ),
    "CLM205": Code(
        "an unknown segment",
        "No file of segments defines it.",
        "in_segment: vips",
        "in_segment: vip",
    ),
    "CLM206": Code(
        "an unknown stage",
        "The stage model has no stage of this name.",
        "enters_stage: laspsed",
        "enters_stage: lapsed",
    ),
    "CLM207": Code(
        "an unknown message",
        "A message is a folder of templates/; there is none of this name.",
        "send: welcom_hello",
        "send: welcome_hello",
    ),
    "CLM208": Code(
        "an unknown flow",
        "No file defines a flow of this name.",
        "leaves_flow: welcom",
        "leaves_flow: welcome",
    ),
    "CLM209": Code(
        "an unknown topic",
        "The catalog declares no topic of this name.",
        "subscribed_to: newletter",
        "subscribed_to: newsletter",
    ),
    "CLM210": Code(
        "an unknown channel",
        "Channels are email, sms, whatsapp, push and onsite; preferred only in a list of channels.",
        "channel: mail",
        "channel: email",
    ),
    "CLM211": Code(
        "an unknown sender",
        "The catalog declares no sender of this name.",
        "defaults: {from: helo}",
        "defaults: {from: hello}",
    ),
    "CLM212": Code(
        "a name defined twice",
        "Files are merged by name, whole items only. The same name in two places could mean "
        "either, so neither wins.",
        "vip in a.yaml and vip in b.yaml",
        "vip in one of them",
    ),
    "CLM213": Code(
        "names that differ only in their letters",
        "Two names are equal but for capitals, or for two ways to write one letter. People will "
        "take them for the same.",
        "segments: {vip: …, VIP: …}",
        "segments: {vip: …, vip_gold: …}",
    ),
    "CLM214": Code(
        "a circle",
        "Segments, stages and computed attributes are worked out one after another, each after "
        "those it mentions. In a circle none could be first.",
        "segments: {a: {in_segment: b}, b: {in_segment: a}}",
        "segments: {a: {did: purchase}, b: {in_segment: a}}",
    ),
    "CLM215": Code(
        "two steps or starts of one name",
        "People in flight are stored by the id of the step they stand on, so it must be unique in "
        "its flow. Without an id a send is called like its message, and others after the next "
        "send.",
        "- send: hello\n- wait: 1 day\n- send: hello",
        "- send: hello\n- wait: 1 day\n- {send: hello, id: hello_again}",
    ),
    "CLM216": Code(
        "no template for a channel",
        "The message has no template for a channel this step may take.",
        "{send: hello, channel: sms}",
        "templates/hello/sms.txt.j2 beside the others",
    ),
    "CLM217": Code(
        "entry has no such property",
        "entry holds the properties of the event that started the run. It is known inside a flow "
        "only, and only if something that starts the flow has the property.",
        "starts_when: {every: monday}\naudience: {attribute: entry.amount, at_least: 5}",
        "starts_when: {did: purchase}\naudience: {attribute: entry.amount, at_least: 5}",
    ),
    "CLM218": Code(
        "no project file",
        "One file says who the project is: its name and its time zone.",
        "playbooks/ without project.yaml",
        "project: acme_shop\ntimezone: Europe/Vienna",
    ),
    "CLM219": Code(
        "no such result of a step",
        "A wait_until with an id keeps what ended it under that id: did, at, timed_out and the "
        "properties of the event. It is known in the steps, exits_when and goal of its flow.",
        "- {wait_until: {did: answered}, at_most: 3 days}\n"
        "- {send: thanks, only_if: {attribute: answer.score, at_least: 9}}",
        "- {wait_until: {did: answered}, at_most: 3 days, id: answer}\n"
        "- {send: thanks, only_if: {attribute: answer.score, at_least: 9}}",
    ),
    "CLM220": Code(
        "since: entry where nobody entered",
        "It means after the entry of the run that asks. Segments, stages and starts are asked of "
        "everybody, in a run or not.",
        "segments: {active: {did: visit, since: entry}}",
        "segments: {active: {did: visit, in_last: 7 days}}",
    ),
    "CLM221": Code(
        "stages out of order",
        "Stages are asked from top to bottom and the first that matches wins, so otherwise: true "
        "must be the last.",
        "- {stage: lead, otherwise: true}\n- {stage: active, when: …}",
        "- {stage: active, when: …}\n- {stage: lead, otherwise: true}",
    ),
    "CLM230": Code(
        "an unknown share of a split",
        "in_variant names a split by its id, and one of its shares. Outside of flows, or if the "
        "flow has no such split, the id must be that of one split only; else the flow's name "
        "goes before it.",
        "in_variant: nurture_copi/story",
        "in_variant: nurture_copy/story",
    ),
    "CLM231": Code(
        "an unknown list",
        "The catalog declares no list of this name.",
        "add_to: paid_social_lapesd",
        "lists: [paid_social_lapsed]\n…\n- add_to: paid_social_lapsed",
    ),
    "CLM232": Code(
        "an unknown webhook",
        "The catalog declares no webhook of this name.",
        "webhook: loyalty_pionts",
        "webhooks: {loyalty_points: {url: 'https://shop.example/points'}}\n…\n"
        "- webhook: loyalty_points",
    ),
    "CLM233": Code(
        "a flow that does not listen",
        "start_flow reaches a flow only if that flow says told_by: this one. Else nobody would "
        "ever be started.",
        "flow: purchase\n…\n- start_flow: reward\n\nflow: reward\nstarts_when: {did: purchase}",
        "flow: reward\nstarts_when: {told_by: [purchase]}",
    ),
    "CLM234": Code(
        "no task of that name",
        "task_done asks about a task of the same flow, by the id of its step.",
        "- {task: Call them, id: call}\n- {branch: [{if: {task_done: cal}, do: …}]}",
        "- {task: Call them, id: call}\n- {branch: [{if: {task_done: call}, do: …}]}",
    ),
    "CLM235": Code(
        "a name that is taken",
        "Events whose names begin with told: or answer: are written by flows themselves.",
        "events: {'told:reward': {}}",
        "events: {told_reward: {}}",
    ),
    "CLM240": Code(
        "an unknown custom condition",
        "No installed package brings a condition of this name. Packages register theirs as entry "
        "points of the group clmctl.conditions, in the environment that clmctl runs in.",
        "custom: likely_to_chrun",
        "custom: likely_to_churn",
    ),
    "CLM241": Code(
        "a value that a custom condition does not take",
        "The package says which values its condition takes under with, of which type, and which "
        "of them must be there.",
        "custom: likely_to_churn\nwith: {abov: 0.7}",
        "custom: likely_to_churn\nwith: {above: 0.7}",
    ),
    "CLM242": Code(
        "a custom condition that cannot be loaded",
        "The package is installed, but importing its condition fails, or what it registers is no "
        "condition. Its sentence says why.",
        "custom: likely_to_churn",
        "the package repaired, or the condition left out",
    ),
    "CLM243": Code(
        "an unknown blueprint",
        "No file describes a blueprint of this name.",
        "from_blueprint: win_bak",
        "from_blueprint: win_back",
    ),
    "CLM244": Code(
        "an input of a blueprint",
        "A blueprint says which inputs it has, of which type, and which a flow may leave out. What "
        "a flow gives must fit; what a blueprint declares must be used in it.",
        "from_blueprint: win_back\ninputs: {laps: 90 days}",
        "from_blueprint: win_back\ninputs: {lapse: 90 days}",
    ),
    "CLM245": Code(
        "a file that cannot be included",
        "include names files outside of playbooks/ by paths relative to the file it stands in, "
        "spelled as they are on the disk. They never leave the project's folder, by no spelling "
        "and by no link, and hold segments, parts of the catalog, channels, blueprints or "
        "variables.",
        "include: [/etc/segments.yaml]",
        "include: [../shared/segments.yaml]",
    ),
    "CLM246": Code(
        "an unknown adapter",
        "No adapter of this name is built in, and no installed package brings one as an entry "
        "point of the group clmctl.channels, in the environment that clmctl runs in. A channel "
        "that does not say its adapter is carried by the one called like it.",
        "channels: {sms: {adapter: twillio}}",
        "channels: {sms: {adapter: file}}",
    ),
    "CLM247": Code(
        "an adapter that cannot be used",
        "The package is installed, but importing its adapter fails, or what it registers is not "
        "what an adapter must be. Its sentence says why.",
        "channels: {pigeon: {}}",
        "the package repaired, or the channel left out",
    ),
    "CLM248": Code(
        "an adapter of another channel",
        "An adapter carries the messages of one channel; only file and dry_run carry any.",
        "channels: {push: {adapter: sms}}",
        "channels: {sms: {adapter: sms}}",
    ),
}
