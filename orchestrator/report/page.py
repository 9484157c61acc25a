"""The shell of an HTML page of ours: it fetches nothing, runs nothing and leads nowhere."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def html_page(
    title: str,
    parts: Iterable[str],
    *,
    style: str,
    light: str = "",
    dark: str = "",
    allows: str = "",
) -> str:
    """Return a whole page, readable by day and by night.

    Args:
        title: as text.
        parts: the HTML of its body.
        style: rules of its own, below those that every page has.
        light: variables of its own, on white.
        dark: the same, on black.
        allows: what its policy lets in beside styles.
    """
    policy = f"{POLICY}; {allows}" if allows else POLICY
    body = "\n".join(parts)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta http-equiv="x-dns-prefetch-control" content="off">
<meta name="referrer" content="no-referrer">
<title>{escape(title)}</title>
<style>
:root {{ color-scheme: light dark; --ground: #fff; --ink: #1a1a1a; --faint: #555; --line: #ccc;
  {light} }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ground: #111; --ink: #eee; --faint: #b5b5b5; --line: #444; {dark} }}
}}
body {{ font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground);
  max-width: 72rem; margin: 0 auto; padding: 1rem; }}
h1 {{ font-size: 1.4rem; margin: 0 0 .5rem; }}
.faint {{ color: var(--faint); }} figure {{ margin: 0; }}
{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
