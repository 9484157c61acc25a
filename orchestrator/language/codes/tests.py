"""Codes of layer 6: tests of flows, as ``clmctl test`` reads them."""

from __future__ import annotations

from orchestrator.language.codes.code import Code

TESTS: dict[str, Code] = {
    "CLM601": Code(
        "an unknown customer of a test",
        "What happens, and what is expected, is about the customers that the test lists under "
        "customers. A misspelled one would be somebody to whom nothing ever happens.",
        "customers: {anna: {}}\nexpect: {ana: nothing}",
        "customers: {anna: {}}\nexpect: {anna: nothing}",
    ),
    "CLM602": Code(
        "something that can never happen in a test",
        "It lies after the end of the test, or none of the flows that run in it sends this "
        "message, gives this task or has a goal. The test could not pass, or would show nothing.",
        "run_for: 7 days\nexpect: {anna: [{after: 9 days, leaves: completed}]}",
        "run_for: 14 days\nexpect: {anna: [{after: 9 days, leaves: completed}]}",
    ),
    "CLM603": Code(
        "a value that a test cannot give",
        "A computed attribute follows from events, and an event's id and time are its own. Let the "
        "events happen instead, also before the test begins.",
        "customers: {anna: {orders_30d: 2}}",
        "timeline: [{before: 3 days, customer: anna, did: purchase}]",
    ),
}
