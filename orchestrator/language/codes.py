"""The closed table of codes: what each problem of ``clmctl check`` means.

The hundreds tell the layer: 1 text and words, 2 names, 3 types, 4 meaning, 5 templates,
9 not available yet. A code is never reused for something else.
"""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """One kind of problem."""

    title: str
    text: str
    """One paragraph: what is wrong, and why it is refused or warned of."""
    wrong: str
    right: str


CODES: dict[str, Code] = {
    # --- 1: text and words -------------------------------------------------------------
    "CLM100": Code(
        "the YAML cannot be read",
        "The text breaks a rule of YAML, so nothing in this file can be understood: an indentation "
        "that fits nowhere, a tab, a bracket or quotation mark that is never closed.",
        "steps:\n  - send: hello\n    wait 2 days",
        "steps:\n  - send: hello\n  - wait: 2 days",
    ),
    "CLM101": Code(
        "the same word twice",
        "A word can be said once in a mapping. Other readers let the last one win without a sound, "
        "so half of what stands there would be ignored.",
        "goal: {did: purchase}\ngoal: {did: signed_up}",
        "goal: {did: purchase}",
    ),
    "CLM102": Code(
        "anchors, aliases, merge keys, tags and directives are not allowed",
        "They hide what a file says, and editors and programs disagree about them. Name what you "
        "want to use twice: a segment, a variable under vars:, a computed attribute.",
        "audience: &buyers {did: purchase}",
        "audience: {in_segment: buyers}",
    ),
    "CLM103": Code(
        "the text needs quotes",
        "Without quotes YAML takes this for something else than text, or two readers take it for "
        "two different things. Put it in quotes, or write the number in plain digits.",
        "subject: {{ customer.first_name }}, hello",
        'subject: "{{ customer.first_name }}, hello"',
    ),
    "CLM104": Code(
        "an unknown word",
        "Every word works or is refused; none is ignored. Mostly this is a typing error, or a word "
        "that stands beside the wrong head.",
        "last: purchase\noldr_than: 60 days",
        "last: purchase\nolder_than: 60 days",
    ),
    "CLM105": Code(
        "nothing after a word",
        "A word stands there with a colon and no value. An empty value would mean nothing, so it "
        "is refused.",
        "wait:",
        "wait: 2 days",
    ),
    "CLM106": Code(
        "not a value that can stand here",
        "The value is of another kind than its word takes. The message says what was expected.",
        "wait: 2 moons",
        "wait: 2 days",
    ),
    "CLM107": Code(
        "a word is missing",
        "Something that must be said was not said.",
        "flow: welcome\nsteps: [{send: hello}]",
        "flow: welcome\nstarts_when: {did: signed_up}\nsteps: [{send: hello}]",
    ),
    "CLM108": Code(
        "these words do not stand together",
        "One word needs another beside it, or excludes it.",
        "{did: cart_updated, then_not: purchase}",
        "{did: cart_updated, then_not: purchase, within: 4 hours}",
    ),
    "CLM109": Code(
        "more than one head",
        "A condition, a step and a start have exactly one head. Two sentences are two items of a "
        "list.",
        "audience: {did: purchase, in_segment: vip}",
        "audience: [{did: purchase}, {in_segment: vip}]",
    ),
    "CLM110": Code(
        "the file is no plain UTF-8 text",
        "Playbooks and templates are UTF-8 text with line ends LF or CRLF. UTF-16, NUL and other "
        "control characters are refused, because they cannot be seen.",
        "a file saved as UTF-16",
        "the same file saved as UTF-8",
    ),
    "CLM111": Code(
        "the file is too large or too deep",
        "A playbook has at most 256 KB, 5,000 values and 40 levels. The limits keep a check quick "
        "whatever a file holds.",
        "one file with 900 flows' worth of segments",
        "several files; all under playbooks/ are read",
    ),
    "CLM112": Code(
        "invisible characters",
        "A zero-width character or a mark that turns the direction of text makes two different "
        "names look alike, or a line read differently from what it says.",
        'did: "pur\u200bchase"',
        "did: purchase",
    ),
    "CLM113": Code(
        "a half-done merge",
        "The file holds conflict markers of git: two versions of one place. Keep one of them.",
        "<<<<<<< HEAD\nwait: 2 days\n=======\nwait: 3 days\n>>>>>>> main",
        "wait: 3 days",
    ),
    "CLM114": Code(
        "a comment cuts a text short",
        "A # after a space begins a comment. In a line that people will read, such as a subject, "
        "it is often meant as part of the text.",
        "subject: 50% off #1 deal",
        'subject: "50% off #1 deal"',
    ),
    "CLM115": Code(
        "a secret in a file",
        "Playbooks are read by many and kept for ever. Passwords and keys belong into settings, "
        "named with env: or file:.",
        "password: hunter2",
        "(not in playbooks or templates)",
    ),
    "CLM116": Code(
        "not exactly one document",
        "A file holds one document. An empty file says nothing, and what follows a line --- would "
        "be a second one.",
        "flow: a\n---\nflow: b",
        "two files, one with flow: a, one with flow: b",
    ),
    "CLM117": Code(
        "no kind of playbook file",
        "The first word of a file tells what it holds: project, events, attributes, topics, "
        "senders, stages, segments or flow.",
        "flwo: welcome",
        "flow: welcome",
    ),
    "CLM118": Code(
        "the file cannot be used",
        "It cannot be read, or it is a link that leads out of the project.",
        "playbooks/shared.yaml -> ../../other/shared.yaml",
        "a copy of the file inside the project",
    ),
    "CLM119": Code(
        "a template file that is not understood",
        "A message is a folder of templates called <channel>[.<locale>].<format>.j2, with a "
        "message.yaml if it needs one, and one body for each channel and locale.",
        "templates/hello/mail.html.j2",
        "templates/hello/email.html.j2",
    ),
    "CLM120": Code(
        "an ignore comment without a reason",
        "A warning is silenced by naming its code and saying why. Errors cannot be silenced.",
        "status: live  # clm: ignore CLM410",
        "status: live  # clm: ignore CLM410 the whole team answers for it",
    ),
    # --- 2: names ----------------------------------------------------------------------
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
    # --- 3: types ----------------------------------------------------------------------
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
    # --- 4: meaning --------------------------------------------------------------------
    "CLM401": Code(
        "a condition that is never true",
        "Two parts exclude each other, so nobody ever fits.",
        "{last: purchase, in_last: 7 days, older_than: 30 days}",
        "{last: purchase, older_than: 30 days}",
    ),
    "CLM402": Code(
        "a way that is never taken",
        "A way of a branch stands below one that takes the same customers, or can never be true.",
        "- {if: {did: a}, do: …}\n- {if: {did: a}, do: …}",
        "- {if: {did: a}, do: …}\n- {if: {did: b}, do: …}",
    ),
    "CLM403": Code(
        "a step that nobody reaches",
        "Everybody has left the flow above it.",
        "- exit: done\n- send: hello",
        "- send: hello\n- exit: done",
    ),
    "CLM404": Code(
        "a marketing message without consent",
        "No topic covers the channels of this send, so the gate suppresses it for everybody.",
        "{send: sale, channel: sms}",
        "topics: {sms_offers: {purpose: marketing, channels: [sms]}}\n{send: sale, channel: sms, "
        "topic: sms_offers}",
    ),
    "CLM405": Code(
        "an open as the only signal",
        "Mail programs open mails by themselves to protect privacy, so an open tells little.",
        "if: {opened: hello}",
        "if: {clicked: hello}",
    ),
    "CLM406": Code(
        "hours that never come",
        "The hours of sending lie inside the quiet hours, so the message is never sent.",
        "quiet_hours 21:00-08:00, send_between: 22:00-23:00",
        "send_between: 09:00-20:00",
    ),
    "CLM407": Code(
        "a flow without goal and exit",
        "Nothing ends a run early, and nothing tells whether the flow worked.",
        "flow: welcome",
        "flow: welcome\ngoal: {did: purchase, within: 14 days}",
    ),
    "CLM408": Code(
        "last … older_than leaves out who never did it",
        "Who never did the event has no last time, so they do not fit. Often they are meant too.",
        "{last: purchase, older_than: 60 days}",
        "{did_not: purchase, in_last: 60 days}",
    ),
    "CLM409": Code(
        "shares of one seed",
        "Two shares with the same seed take the same customers first: a sample and a holdout of "
        "one seed may leave nobody.",
        "sample 10% and holdout 10%, both seed: spring",
        "two different seeds",
    ),
    "CLM410": Code(
        "a live flow without an owner",
        "Nobody is named who answers for it.",
        "status: live",
        "status: live\nowner: retention",
    ),
    "CLM411": Code(
        "two live flows for the same people",
        "Both ask for the same customers with the same goal, so they compete for the same caps.",
        "two flows with one audience and one goal",
        "one flow, or audiences that leave each other out",
    ),
    "CLM412": Code(
        "a limit that another makes idle",
        "A stricter limit stands beside it, so this one never stops anything.",
        "[{at_most: 1, per: 1 day}, {at_most: 9, per: 1 day}]",
        "[{at_most: 1, per: 1 day}, {at_most: 3, per: 7 days}]",
    ),
    "CLM414": Code(
        "a value printed as it is",
        "A value printed with |safe is not escaped; a customer's text could carry markup.",
        "{{ customer.bio | safe }}",
        "{{ customer.bio }}",
    ),
    "CLM415": Code(
        "a message that no flow sends",
        "Its folder may be left over.",
        "templates/old_offer/",
        "a step {send: old_offer}, or no such folder",
    ),
    "CLM416": Code(
        "a segment that nothing uses",
        "It is worked out at every tick for nobody.",
        "segments: {unused: …}",
        "a condition {in_segment: unused}, or no such segment",
    ),
    # --- 5: templates ------------------------------------------------------------------
    "CLM501": Code(
        "a template that cannot be read",
        "The Jinja in it breaks a rule: a tag or a brace is not closed, or a word is unknown.",
        "{% if customer.first_name %}Hi",
        "{% if customer.first_name %}Hi{% endif %}",
    ),
    "CLM502": Code(
        "an unknown name in a template",
        "Neither the catalog nor the flows that send this message give it a value, so for "
        "everybody the message would fail.",
        "{{ customer.frist_name }}",
        "{{ customer.first_name }}",
    ),
    "CLM503": Code(
        "a layout or partial that is not there",
        "Templates use files of templates/_layouts/ and templates/_partials/, none of which may "
        "lead back to itself.",
        '{% include "_partials/foter.html.j2" %}',
        '{% include "_partials/footer.html.j2" %}',
    ),
    "CLM504": Code(
        "an unknown filter or test",
        "Templates have a closed list of filters and tests.",
        "{{ price | curency }}",
        "{{ price | money }}",
    ),
    "CLM505": Code(
        "not part of the template language",
        "Templates see plain data and cannot call methods, load files or build endless text.",
        "{{ customer.__class__ }}",
        "{{ customer.first_name }}",
    ),
    "CLM506": Code(
        "safe without trust",
        "safe prints a value without escaping it; a customer's text could carry markup. Values "
        "that cannot are listed under trusted: in message.yaml.",
        "{{ with.banner | safe }}",
        "trusted: [with.banner]",
    ),
    "CLM507": Code(
        "a value where HTML cannot protect it",
        "Inside a link, a style or a script escaping is not enough.",
        '<a href="{{ entry.link }}">',
        '<a href="{{ entry.link | url }}">',
    ),
    "CLM508": Code(
        "a mail without a subject",
        "Neither the template nor the step says one.",
        "Hello …",
        "---\nsubject: Hello\n---\nHello …",
    ),
    "CLM509": Code(
        "a header of several lines",
        "A subject and a preheader are one line each.",
        "subject: |\n  Hello\n  there",
        "subject: Hello there",
    ),
    "CLM510": Code(
        "no template for other locales",
        "Customers whose locale has no template get the one of the project's locale, or the one "
        "without a locale. Here both are missing.",
        "templates/hello/email.id.md.j2 alone",
        "templates/hello/email.md.j2 beside it",
    ),
    "CLM511": Code(
        "no text part can be made",
        "A mail needs a plain-text part. None can be derived where Jinja tags cross the borders of "
        "HTML elements.",
        "{% if a %}<p>{% endif %}Hi</p>",
        "email.txt.j2 beside email.html.j2",
    ),
    "CLM512": Code(
        "a locale or currency nobody knows",
        "Numbers, dates and amounts are printed by CLDR locale and ISO 4217 currency.",
        "locale: xx-YY",
        "locale: id-ID",
    ),
    # --- 9: not available --------------------------------------------------------------
    "CLM901": Code(
        "not available yet",
        "The word is part of the language, and this version cannot do it. It is refused by name "
        "rather than ignored.",
        "wait_until: {clicked: hello}",
        "wait: 2 days",
    ),
}
