"""Codes of layer 4: what is well formed and can hardly be meant."""

from __future__ import annotations

from orchestrator.language.codes.code import Code

MEANING: dict[str, Code] = {
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
    "CLM417": Code(
        "flows that start each other without end",
        "A run that ends starts the next one, which ends at once as well, and re_entry lets the "
        "customer in every time: one more round at every tick.",
        "flow: thanks\nstarts_when: {leaves_flow: thanks}\nre_entry: always\n"
        "steps: [{send: thank_you}]",
        "flow: thanks\nstarts_when: {leaves_flow: thanks}\nre_entry: always\n"
        "steps: [{send: thank_you}, {wait: 30 days}]",
    ),
    "CLM418": Code(
        "a flow that nobody tells",
        "It waits to be told by a flow that has no start_flow for it.",
        "flow: reward\nstarts_when: {told_by: [purchase]}\n\nflow: purchase\n"
        "steps: [{send: thanks}]",
        "flow: purchase\nsteps: [{send: thanks}, {start_flow: reward}]",
    ),
    "CLM419": Code(
        "a result asked before its step",
        "What a step brings back is missing until a run has come through that step.",
        "- {send: thanks, only_if: {attribute: answer.did, is_set: true}}\n"
        "- {wait_until: {did: answered, since: entry}, at_most: 3 days, id: answer}",
        "- {wait_until: {did: answered, since: entry}, at_most: 3 days, id: answer}\n"
        "- {send: thanks, only_if: {attribute: answer.did, is_set: true}}",
    ),
    "CLM420": Code(
        "a wait that an event of long ago ends",
        "Without a window did counts all events there ever were, so who did it last year does not "
        "wait at all.",
        "wait_until: {did: purchase}",
        "wait_until: {did: purchase, since: entry}",
    ),
    "CLM421": Code(
        "a channel that nothing carries",
        "channels.yaml says what carries the messages of each channel. Those of a channel that it "
        "does not set stay queued, until it does or they expire.",
        "channels: {email: {adapter: file}}\n…\n- {send: offer, channel: sms}",
        "channels: {email: {adapter: file}, sms: {adapter: dry_run}}",
    ),
    "CLM422": Code(
        "marketing e-mail that may not leave",
        "Marketing e-mail carries a link that unsubscribes at once, which mail providers ask for, "
        "and the postal address of its sender, which the law asks for. Before both are known, no "
        "adapter that really sends e-mail may carry it.",
        "channels: {email: {host: smtp.shop.example}}",
        "links: {base_url: 'https://shop.example'}\npostal_address: Shop, Street 1, 1010 Vienna",
    ),
    "CLM423": Code(
        "mail that nobody sends, or that receivers would not believe",
        "A mail names its sender: in message.yaml, in the project's defaults, or it is the only "
        "one of the catalog. With a DKIM key, that sender's domain must be the key's, or one of "
        "them lie below the other: receivers compare the two (DMARC).",
        "senders: {care: care@acme-care.example}\ndkim: {domain: acme.example, selector: s1, "
        "key: env:DKIM}",
        "senders: {care: care@acme.example}\ndkim: {domain: acme.example, selector: s1, "
        "key: env:DKIM}",
    ),
    "CLM424": Code(
        "a flow that nobody can enter",
        "exits_when is asked at entry too, and counts all that ever happened. What the start or "
        "the audience asks of everybody shuts everybody out again.",
        "starts_when: {did: cart_updated}\naudience: {did: purchase}\nexits_when: {did: purchase}",
        "starts_when: {did: cart_updated}\naudience: {did: purchase}\n"
        "exits_when: {did: purchase, since: entry}",
    ),
    "CLM425": Code(
        "a control group of everybody",
        "Who is held out gets no marketing, and this holds out all there are.",
        "guardrails: {holdout: {share: 100%}}",
        "guardrails: {holdout: {share: 5%}}",
    ),
    "CLM426": Code(
        "a webhook that is never called",
        "Calls go to public addresses on the ports of the web, and to the networks that allow of "
        "the channel webhook names. Whatever name servers say, this address is none of them.",
        "webhooks: {points: {url: 'http://10.1.2.3/points'}}\n…\nchannels: {webhook: {}}",
        "webhooks: {points: {url: 'http://10.1.2.3/points'}}\n…\n"
        "channels: {webhook: {allow: [10.1.0.0/16]}}",
    ),
    "CLM427": Code(
        "links that only neighbours can follow",
        "Mail goes to a server elsewhere, and its links lead to this machine or to an address of "
        "a private network: its receivers could not unsubscribe.",
        "links: {base_url: 'https://localhost'}\n…\nchannels: {email: {host: smtp.shop.at}}",
        "links: {base_url: 'https://shop.at'}\n…\nchannels: {email: {host: smtp.shop.at}}",
    ),
    "CLM431": Code(
        "a restart that only works inside",
        "if_already_in: restart does not ask re_entry, but it concerns customers who are inside. "
        "With re_entry: never a start is refused as soon as their run has ended.",
        "if_already_in: restart",
        "if_already_in: restart\nre_entry: always",
    ),
    "CLM432": Code(
        "a goal without an end",
        "keep_going lets the run go on, so without within anything that happens at any later time "
        "counts as its success.",
        "goal: {did: purchase, keep_going: true}",
        "goal: {did: purchase, within: 14 days, keep_going: true}",
    ),
    "CLM441": Code(
        "an addition in a flow that restarts",
        "An edit of the steps lets the runs inside begin anew: what was sent is not sent again, "
        "but numbers are added to once more.",
        "in_flight: restart\nsteps: [{set: {score: {add: 5}}}]",
        "in_flight: restart\nsteps: [{set: {score: 5}}]",
    ),
    "CLM442": Code(
        "an edit that needs a choice",
        "People stand on a step that the flow no longer has, or in a flow that no file defines "
        "any more, and nothing says what shall become of them. It is found by comparing with the "
        "latest release in the project's database.",
        "a step with id: pause, on which people wait, is renamed to id: rest",
        "id: pause, as it was; or the new id, and in_flight: follow (or pin, restart, drain)",
    ),
}
