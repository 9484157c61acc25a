"""The states of messages in the ledger, as ``clmctl explain STATE`` and the reference tell them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class State:
    """One state: what it means, and where the documentation says more."""

    says: str
    page: str
    """A page of the documentation, and what of it to read."""


_STATES = "docs/state_machine.md, Messages"
_SAID = "docs/delivery.md, What a provider says, and what follows"
_DOUBT = "docs/delivery.md, In doubt"

STATES: dict[str, State] = {
    "queued": State(
        "It waits for its turn, for another try, for quiet hours to end or a pause to be lifted. "
        "`clmctl outbox show ID` says what keeps it back.",
        _STATES,
    ),
    "claimed": State("A worker has it in hand and makes it. No provider has heard of it.", _STATES),
    "sending": State(
        "It was marked just before the provider is called. If the worker is lost now, it is in "
        "doubt.",
        _STATES,
    ),
    "sent": State(
        "The provider has taken it over. That somebody received it is a receipt's matter.", _SAID
    ),
    "answered": State("A call of a `webhook` step was answered.", _STATES),
    "in_doubt": State(
        "It may or may not have been taken, and nobody knows: the provider did not answer clearly, "
        "or a worker was lost while calling. `on_in_doubt` in channels.yaml says what follows; "
        "`clmctl outbox in-doubt list` lists what waits for a person, who ends it by `mark-sent`, "
        "`resend` or `discard`. After 72 hours it is dead.",
        _DOUBT,
    ),
    "dead": State(
        "It will not be sent: the provider refused it for good, eight attempts were used up, it "
        "could not be made, or a doubt was not ended. `clmctl outbox show ID` says which; once the "
        "cause is mended, `clmctl outbox retry ID` queues it once more.",
        _SAID,
    ),
    "failed": State(
        "The same as `dead`, of a call of a `webhook` step; `if_it_fails` decides how the run goes "
        "on. `clmctl outbox retry ID` calls once more.",
        _SAID,
    ),
    "suppressed": State(
        "Just before the wire the customer's consent or address had gone: it was not sent.",
        _STATES,
    ),
    "expired": State("It had become too old to be sent: `expires_after` was over.", _STATES),
    "cancelled": State(
        "Just before the wire its run had ended by goal, exit or restart, or its customer was "
        "gone: it was not sent.",
        _STATES,
    ),
}
"""State → what it means."""
