"""The names a project's own schemas offer: its events, segments, messages and the like."""

from __future__ import annotations

from orchestrator.channels.spec import CHANNELS
from orchestrator.criteria.names import CUSTOMER_COLUMNS
from orchestrator.playbook.draft import Draft
from orchestrator.playbook.schema import Names


def names_in(draft: Draft) -> Names:
    """Return every name a project defines, by kind, those of broken files included."""
    declared = draft.declared
    names = {
        kind: tuple(sorted(declared.of(kind)))
        for kind in (
            "event",
            "topic",
            "sender",
            "list",
            "webhook",
            "segment",
            "stage",
            "flow",
            "message",
        )
    }
    properties = {f"{event}.{name}" for event, of in declared.properties.items() for name in of}
    return {
        **names,
        "attribute": tuple(sorted({*CUSTOMER_COLUMNS, *declared.of("attribute")})),
        "channel": tuple(CHANNELS),
        "property": tuple(sorted(properties)),
    }
