"""Say which generated files are stale (exit 1), or with ``--write`` make them anew."""

from __future__ import annotations

import sys
from pathlib import Path

from orchestrator.cli.reference import renew_help, stale_help
from orchestrator.playbook import reference, schema

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Look at the schemas, the language's reference and the help pages of the docs."""
    write = sys.argv[1:] == ["--write"]
    makers = (
        (schema.write_schemas, reference.write_pages, renew_help)
        if write
        else (schema.stale_files, reference.stale_files, stale_help)
    )
    stale = [path.relative_to(ROOT) for make in makers for path in make(ROOT)]
    for path in stale:
        print(f"{'written' if write else 'stale; make generate writes it'}: {path}")
    return 0 if write or not stale else 1


if __name__ == "__main__":
    raise SystemExit(main())
