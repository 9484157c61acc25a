"""Codes of layer 5: templates."""

from __future__ import annotations

from orchestrator.language.codes.code import Code

TEMPLATES: dict[str, Code] = {
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
    "CLM513": Code(
        "a preheader that nobody reads",
        "Mail has no header for it: mail programs show what the HTML begins with. Neither the "
        "template nor its layout and partials print message.preheader.",
        "<body>{% block content %}{% endblock %}</body>",
        '<body><div style="display:none">{{ message.preheader }}</div>\n'
        "{% block content %}{% endblock %}</body>",
    ),
    "CLM514": Code(
        "a template without content",
        "The file is empty, or holds only comments and what prints nothing: whoever it is for, "
        "the message would have no text.",
        "---\nsubject: Hello\n---\n",
        "---\nsubject: Hello\n---\nGood to have you here.",
    ),
    "CLM515": Code(
        "a file that cannot be attached",
        "A path of attachments: is relative to the message's folder, or begins with _attachments/. "
        "What it names is a file inside templates/ of a kind that mail programs open, and all that "
        "one message attaches is at most 2 MB.",
        "attachments: [setup.exe]",
        "attachments: [terms.pdf]",
    ),
    "CLM516": Code(
        "attachments that nobody gets",
        "Only mail carries files, and this message has no template for it.",
        "templates/receipt/sms.txt.j2 alone, with attachments: [terms.pdf]",
        "templates/receipt/email.md.j2 beside it",
    ),
}
