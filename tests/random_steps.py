"""Random steps of flows over the catalog of ``random_worlds``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import random_conditions
import random_worlds
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from random_worlds import Plain

HOURS = ("08:00-20:00", "21:00-08:00", "09:00-11:00", "00:00-24:00", "02:00-03:00")
WAITS = ("1 min", "1 hour", "4 hours", "1 day", "3 days", "1 month")


def other_flow(name: str) -> str:
    """Return the flow that a flow tells, and is told by."""
    return next(one for one in random_worlds.FLOWS if one != name)


class Steps:
    """Random steps with ids that no two share."""

    def __init__(self, now: datetime, flow: str, run: bool) -> None:
        self.now, self.flow, self.run = now, flow, run
        self.made = 0
        self.waits: list[str] = []
        """The steps so far that bring something back."""

    def some(self, draw: DrawFn, depth: int) -> list[Plain]:
        """Return one to four steps."""
        return [self.one(draw, depth) for _ in range(draw(st.integers(1, 4 if depth == 2 else 2)))]

    def one(self, draw: DrawFn, depth: int) -> Plain:
        """Return one step of any kind."""
        kinds = ["send"] * 5 + ["wait", "wait", "wait_for_time", "set"]
        kinds += ["wait_until", "wait_until_date", "webhook"]
        kinds += ["list", "consent", "task", "start_flow"]
        kinds += ["branch", "split", "until", "repeat"] if depth else ["exit"]
        kind = draw(st.sampled_from(kinds))
        self.made += 1
        id = f"s{self.made}"
        step: Plain = getattr(self, f"_{kind}")(draw, depth) | {"id": id}
        if draw(st.integers(0, 4)) == 0:
            step["only_if"] = draw(self.criteria())
        if kind == "wait_until" or ("webhook" in step and "at_most" in step):
            self.waits.append(id)
        return step

    def criteria(self) -> st.SearchStrategy[Any]:
        """Conditions that a step may ask, of what steps before it brought back too."""
        asked = random_conditions.criteria(self.now, run=self.run)
        if not self.waits:
            return asked
        of_results = st.sampled_from(self.waits).flatmap(
            lambda step: st.sampled_from(
                (
                    {"attribute": f"{step}.timed_out", "is": True},
                    {"attribute": f"{step}.did", "is_set": False},
                    {"attribute": f"{step}.at", "in_last": "4 hours"},
                )
            )
        )
        return st.one_of(asked, asked, of_results)

    def _send(self, draw: DrawFn, depth: int) -> Plain:
        step: Plain = {"send": draw(st.sampled_from(random_worlds.MESSAGES))}
        named = st.sampled_from(("email", "sms", "push", "onsite"))
        lists = st.lists(
            st.sampled_from(("email", "sms", "preferred")), min_size=1, max_size=3, unique=True
        )
        step |= draw(
            st.just({})
            | named.map(lambda one: {"channel": one})
            | lists.map(lambda one: {"channels": one})
        )
        return step | draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "send_between": st.sampled_from((*HOURS, *["00:00-24:00"] * 5)),
                    "expires_after": st.sampled_from(("1 hour", "1 day")),
                    "topic": st.sampled_from(("news", "texts")),
                    "purpose": st.sampled_from(("marketing", "transactional")),
                    "priority": st.sampled_from((10, 90)),
                },
            )
        )

    def _wait(self, draw: DrawFn, depth: int) -> Plain:
        more = {
            "then_between": st.sampled_from(HOURS),
            "on_days": st.sampled_from(("weekdays", "weekend", ["sunday", "tuesday"])),
        }
        span = draw(st.sampled_from(WAITS))
        return {"wait": span} | draw(st.fixed_dictionaries({}, optional=more))

    def _wait_for_time(self, draw: DrawFn, depth: int) -> Plain:
        more = {
            "timezone": st.sampled_from(("customer", "Asia/Kathmandu")),
            "on_days": st.sampled_from(("weekdays", "weekend")),
        }
        hours = draw(st.sampled_from(HOURS))
        return {"wait_for_time": hours} | draw(st.fixed_dictionaries({}, optional=more))

    def _stopping(self, draw: DrawFn) -> Any:
        """Return what ends a wait or some steps early: mostly an event of this run."""
        did = {"did": draw(st.sampled_from(random_worlds.EVENTS))}
        since = {"since": "entry"} if self.run else {}
        several = {"any": [did | since, {"did": "view", "at_least": 2}]}
        return draw(st.sampled_from((did, did | since, several)) | self.criteria())

    def _wait_until(self, draw: DrawFn, depth: int) -> Plain:
        step: Plain = {"wait_until": self._stopping(draw)}
        step["at_most"] = draw(st.sampled_from(WAITS))
        for way in ("if_met", "if_timed_out") if depth else ():
            if draw(st.integers(0, 2)) == 0:
                step[way] = self.some(draw, depth - 1)
        return step

    def _wait_until_date(self, draw: DrawFn, depth: int) -> Plain:
        named = ("birthday", "renewal", "created_at")
        step: Plain = {"wait_until_date": draw(st.sampled_from(named))}
        step["if_past"] = draw(st.sampled_from(("go_on", "exit")))
        if draw(st.booleans()):
            step[draw(st.sampled_from(("before", "after")))] = draw(
                st.sampled_from(("1 day", "3 days", "1 month"))
            )
        if draw(st.booleans()):
            step["at"] = draw(st.sampled_from(("02:30", "00:00", "23:59")))
        return step

    def _until(self, draw: DrawFn, depth: int) -> Plain:
        step = {"until": self._stopping(draw), "do": self.some(draw, depth - 1)}
        return step | ({"if_met": self.some(draw, depth - 1)} if draw(st.booleans()) else {})

    def _repeat(self, draw: DrawFn, depth: int) -> Plain:
        every = draw(st.sampled_from((*WAITS[1:5], ["1 min", "1 day"])))
        rounds: Plain = {"every": every, "at_most": draw(st.sampled_from(("2 times", "3 times")))}
        if draw(st.booleans()):
            rounds["until"] = self._stopping(draw)
            if draw(st.booleans()):
                rounds["if_met"] = self.some(draw, depth - 1)
        return {"repeat": rounds | {"do": self.some(draw, depth - 1)}}

    def _set(self, draw: DrawFn, depth: int) -> Plain:
        values = {
            "plan": st.sampled_from(random_worlds.TEXTS),
            "points": st.sampled_from((1, 2, 10)) | st.just({"add": 1}),
            "birthday": st.sampled_from(random_worlds.DATES),
        }
        name = draw(st.sampled_from(tuple(values)))
        return {"set": {name: draw(values[name])}}

    def _list(self, draw: DrawFn, depth: int) -> Plain:
        head = draw(st.sampled_from(("add_to", "remove_from")))
        return {head: draw(st.sampled_from(random_worlds.LISTED))}

    def _consent(self, draw: DrawFn, depth: int) -> Plain:
        head = draw(st.sampled_from(("subscribe_to", "subscribe_to", "unsubscribe_from")))
        return {head: draw(st.sampled_from(("news", "texts", "any")))}

    def _webhook(self, draw: DrawFn, depth: int) -> Plain:
        step: Plain = {"webhook": "stats"}
        ways = ["skip", "retry"]
        if draw(st.integers(0, 3)):
            step["at_most"] = draw(st.sampled_from(WAITS))
            ways.append("exit")
        return step | {"if_it_fails": draw(st.sampled_from(ways))}

    def _task(self, draw: DrawFn, depth: int) -> Plain:
        return {"task": "Call them"}

    def _start_flow(self, draw: DrawFn, depth: int) -> Plain:
        step: Plain = {"start_flow": other_flow(self.flow)}
        named = ["$customer.plan", "$customer.email", *(["$entry.cart"] if self.run else [])]
        if draw(st.integers(0, 2)) == 0:
            step["for"] = draw(st.sampled_from(named))
        return step

    def _exit(self, draw: DrawFn, depth: int) -> Plain:
        return {"exit": "enough"}

    def _branch(self, draw: DrawFn, depth: int) -> Plain:
        ways = [
            {"if": draw(self.criteria()), "do": self.some(draw, depth - 1)}
            for _ in range(draw(st.integers(1, 2)))
        ]
        otherwise = {"otherwise": self.some(draw, depth - 1)} if draw(st.booleans()) else {}
        return {"branch": ways} | otherwise

    def _split(self, draw: DrawFn, depth: int) -> Plain:
        return {
            "split": {
                "one": {"share": "33.33%", "do": self.some(draw, depth - 1)},
                "two": {"share": "66.67%"},
            }
        }
