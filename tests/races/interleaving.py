"""Two transactions stepped statement by statement, in every order or in a seeded sample.

Each statement and each commit of an actor is a gate. The driver opens one gate at a time and waits
until the actor stands at the next one, has ended, or waits for a lock that the other holds.
"""

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import sleep
from typing import Any, Final

from sqlalchemy import Connection, Engine, event, text

from kit.clock import monotonic_seconds

SOON_SECONDS: Final = 0.004  # after this long a statement may be waiting for a lock
LONG_SECONDS: Final = 20.0
_WAITS: Final = text("SELECT cardinality(pg_blocking_pids(:pid)) > 0")


class Actor(threading.Thread):
    """One of the two; stands at a gate until the driver lets it go on."""

    def __init__(self, act: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.act = act
        self.result: Any = None
        self.pid = 0
        self.steps = 0
        self._go = threading.Semaphore(0)
        self.is_moving = False
        self.is_done = False

    def run(self) -> None:
        """Do it, from the first gate on."""
        _here.actor = self
        self.gate(0)
        try:
            self.result = self.act()
        except Exception as error:
            self.result = error
        self.is_done = True
        self.is_moving = False

    def gate(self, pid: int) -> None:
        """Stand still until the driver says so."""
        self.pid = pid
        self.is_moving = False
        if not self._go.acquire(timeout=LONG_SECONDS):
            raise TimeoutError("nobody opens the gate")

    def go(self) -> None:
        """Let it go on to the next gate."""
        self.steps += 1
        self.is_moving = True
        self._go.release()


_here: Any = threading.local()
Choose = Callable[[Sequence[Actor], int], Actor]


@dataclass(frozen=True)
class Plan:
    """Who begins, and after how many steps the turn passes to the other, again and again."""

    first: int
    turns: tuple[int, ...]

    def choose(self, actors: Sequence[Actor], step: int) -> Actor:
        """Return whose turn it is at a step."""
        whose = self.first
        for turn in self.turns:
            if step < turn:
                break
            step -= turn
            whose = 1 - whose
        return actors[whose]


class Driver:
    """Opens the gates of two actors on one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.schedules = 0

    def __enter__(self) -> "Driver":
        event.listen(self.engine, "before_cursor_execute", _at_statement)
        event.listen(self.engine, "commit", _at_commit)
        self._watch = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.close()
        event.remove(self.engine, "before_cursor_execute", _at_statement)
        event.remove(self.engine, "commit", _at_commit)

    def run(self, acts: Sequence[Callable[[], Any]], choose: Choose) -> list[Actor]:
        """Run both acts to their ends under one schedule and return the actors."""
        self.schedules += 1
        actors = [Actor(act) for act in acts]
        for actor in actors:
            actor.is_moving = True
            actor.start()
        for actor in actors:
            self._settle(actor)
        step, deadline = 0, monotonic_seconds() + LONG_SECONDS
        while not all(actor.is_done for actor in actors):
            assert monotonic_seconds() < deadline, "the schedule does not end"
            wanted = choose(actors, step)
            step += 1
            for actor in (wanted, *(other for other in actors if other is not wanted)):
                if not actor.is_done and not actor.is_moving:
                    actor.go()
                    break
            for actor in actors:
                self._settle(actor)
        for actor in actors:
            actor.join(timeout=LONG_SECONDS)
        return actors

    def _settle(self, actor: Actor) -> None:
        """Wait until it stands at a gate, has ended, or waits for a lock."""
        looked_at = monotonic_seconds() + SOON_SECONDS
        while actor.is_moving:
            sleep(0.0002)
            if monotonic_seconds() > looked_at:
                if actor.pid and self._watch.scalar(_WAITS, {"pid": actor.pid}):
                    return
                looked_at = monotonic_seconds() + SOON_SECONDS


def plans(steps: Sequence[int], *, turns: int) -> Iterator[Plan]:
    """Yield every schedule in which the turn passes at most `turns` times before its end.

    `steps` are how many each actor takes alone. With one turn the first is interrupted once, at
    every place, by all of the other; with two the other is interrupted too.
    """
    for first in (0, 1):
        for at in range(1, steps[first] + 1):
            if turns == 1:
                yield Plan(first, (at,))
            for then in range(1, steps[1 - first]) if turns > 1 else ():
                yield Plan(first, (at, then))


def sampled(seed: str) -> Choose:
    """Return a schedule in which a seeded coin decides at every step."""
    rng = random.Random(seed)
    return lambda actors, _: rng.choice(actors)


def _at_statement(connection: Connection, *_: Any) -> None:
    _stand(connection)


def _at_commit(connection: Connection) -> None:
    _stand(connection)


def _stand(connection: Connection) -> None:
    actor = getattr(_here, "actor", None)
    if actor is not None:
        driver_connection: Any = connection.connection.dbapi_connection
        actor.gate(driver_connection.info.backend_pid)
