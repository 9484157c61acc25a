"""``python -m orchestrator.testing.channels 8765``: a provider to try an adapter against.

It takes every request on 127.0.0.1, answers ``{"id": "provider-1"}``, and prints what it got.
"""

from __future__ import annotations

import sys
import time

from orchestrator.testing.channels.http_provider import HttpProvider

_LOOK_EVERY_SECONDS = 0.1


def main(arguments: list[str]) -> int:
    """Serve on the port that is named, until interrupted."""
    if len(arguments) != 1 or not arguments[0].isdigit() or not 0 < int(arguments[0]) < 65_536:
        sys.stderr.write(f"{__doc__}")
        return 2
    with HttpProvider(port=int(arguments[0])) as provider:
        sys.stdout.write(f"a provider listens at {provider.url}\n")
        shown = 0
        while True:
            for request in provider.arrived()[shown:]:
                shown += 1
                sys.stdout.write(request.decode("utf-8", "replace") + "\n")
            sys.stdout.flush()
            time.sleep(_LOOK_EVERY_SECONDS)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
