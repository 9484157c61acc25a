"""The lanes of a worker and the threads they run in: started, relieved, replaced, seen off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import InitVar, dataclass, field
from threading import Thread
from typing import NamedTuple

from orchestrator.delivery.lane import Lane
from orchestrator.delivery.manner import Say
from orchestrator.delivery.outlet import Outlet, shut_all
from orchestrator.errors import EnvironmentFault

MOST_HANGING = 20
"""Lanes whose adapters have not come back; with more of them, a worker gives itself up."""


class _Post(NamedTuple):
    """A lane and the thread that drives it."""

    lane: Lane
    thread: Thread


@dataclass
class Crew:
    """Every lane there is or was. For the keeper's thread."""

    make: Callable[[Outlet], Lane]
    drive: Callable[[Lane], None]
    """Lets a lane turn until it is over; called in the lane's own thread."""
    say: Say
    outlets: InitVar[Sequence[Outlet]]
    """Where the first lanes are; they work once they are started."""
    _posts: list[_Post] = field(init=False)
    """Of the lanes that are to work."""
    _hanging: list[_Post] = field(default_factory=list)
    """Whose adapters do not come back."""
    _leaving: list[_Post] = field(default_factory=list)
    """Whose channels were opened anew or are gone, while their last calls end."""

    def __post_init__(self, outlets: Sequence[Outlet]) -> None:
        self._posts = [self._post(outlet) for outlet in outlets]

    @property
    def lanes(self) -> list[Lane]:
        """The lanes that are to work."""
        return [post.lane for post in self._posts]

    def start(self) -> None:
        """Let them work."""
        for post in self._posts:
            post.thread.start()

    def all(self) -> list[Lane]:
        """Return the lanes there are and those that were replaced."""
        return [*self.lanes, *(post.lane for post in (*self._hanging, *self._leaving))]

    def at_work(self) -> list[Lane]:
        """Return the lanes that are to give signs of life: all but those that hang."""
        return [*self.lanes, *(one.lane for one in self._leaving if one.thread.is_alive())]

    def is_working(self) -> bool:
        """Return whether any lane has not ended that will end."""
        return any(post.thread.is_alive() for post in (*self._posts, *self._leaving))

    def replace(self, channel: str, outlets: Sequence[Outlet]) -> None:
        """Put new lanes in the place of a channel's; no call is cut off.

        The old ones begin nothing more, give back what they have claimed, and end.

        Args:
            outlets: none closes the channel.
        """
        old = [post for post in self._posts if post.lane.outlet.channel == channel]
        for post in old:
            post.lane.is_relieved = True
        self._leaving += old
        new = [self._started(outlet) for outlet in outlets]
        self._posts = [*(post for post in self._posts if post not in old), *new]
        says = "opened anew" if old and new else "opened" if new else "closed"
        facts = {"channel": channel}
        self.say(f"channel_{says.split(maxsplit=1)[0]}", f"{channel}: {says}", "info", facts)

    def relieve_hanging(self) -> None:
        """Put a new lane, with an adapter of its own, where one hangs; its messages are rescued.

        Raises:
            EnvironmentFault: too many hang, or the adapter cannot be made again.
        """
        for place, post in enumerate(self._posts):
            if post.lane.hangs():
                self._posts[place] = self._relieved(post)

    def _relieved(self, post: _Post) -> _Post:
        channel = post.lane.outlet.channel
        if sum(one.thread.is_alive() for one in self._hanging) >= MOST_HANGING:
            raise EnvironmentFault(f"{channel}: calls hang, more than {MOST_HANGING} of them")
        self.say("lane_hangs", f"{channel}: a call does not end", "error", {"channel": channel})
        with suppress(EnvironmentFault):
            post.lane.relieve()
        self._hanging.append(post)
        return self._started(post.lane.outlet.anew())

    def join(self, seconds: float) -> None:
        """Wait a little for each lane that will end."""
        for post in (*self._posts, *self._leaving):
            post.thread.join(seconds)

    def close(self) -> None:
        """Close what the lanes have open, but for those that hang: they would hang here too."""
        shut_all([lane.outlet for lane in self.lanes], self.say)
        for lane in self.lanes:
            lane.line.close()
            lane.reader.close()

    def _post(self, outlet: Outlet) -> _Post:
        lane = self.make(outlet)
        return _Post(lane, Thread(target=self.drive, args=(lane,), daemon=True))

    def _started(self, outlet: Outlet) -> _Post:
        post = self._post(outlet)
        post.thread.start()
        return post
