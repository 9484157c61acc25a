"""The layouts of a project that has none of its own."""

from __future__ import annotations

EMAIL = """<!doctype html>
<html lang="{{ message.locale }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ message.subject }}</title>
</head>
<body style="margin:0;padding:24px;background:#f4f4f4;font-family:Helvetica,Arial,sans-serif;color:#222">
{% if message.preheader %}<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">{{ message.preheader }}</div>{% endif %}
<div style="max-width:600px;margin:0 auto;padding:24px;background:#fff;line-height:1.5">
{% block content %}{% endblock %}
</div>
<div style="max-width:600px;margin:16px auto;font-size:12px;color:#777">
{% if project.postal_address %}<p>{{ project.postal_address }}</p>{% endif %}
{% if links.unsubscribe %}<p><a href="{{ links.unsubscribe }}">{{ "Berhenti berlangganan" if message.locale[:2] == "id" else "Unsubscribe" }}</a> · <a href="{{ links.preferences }}">{{ "Atur preferensi" if message.locale[:2] == "id" else "Preferences" }}</a></p>{% endif %}
</div>
</body>
</html>
"""
BARE = "{% block content %}{% endblock %}\n"

DEFAULT_LAYOUTS = {
    "_layouts/email.html.j2": EMAIL,
    "_layouts/onsite.html.j2": BARE,
}
"""A Markdown body gets ``_layouts/<channel>.html.j2``: the project's, else one of these."""
