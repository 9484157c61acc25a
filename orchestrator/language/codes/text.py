"""Codes of layer 1: text and words that cannot be read as a playbook."""

from __future__ import annotations

from orchestrator.language.codes.code import Code

TEXT: dict[str, Code] = {
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
        "senders, lists, webhooks, stages, segments or flow.",
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
}
