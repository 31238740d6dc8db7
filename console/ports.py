"""How a page of the console reaches the outside world and what the roof alone can put together."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, cast
from uuid import UUID

from flask import current_app
from sqlalchemy.orm import Session

from kit.heartbeat import Pulse
from kit.kept import Kept
from shop.approvals.rules import Actions
from shop.campaigns.models import Campaign, CampaignKind
from shop.campaigns.planning import DryRun
from shop.operators.secret_words import OperatorKeys
from shop.ports import Ports


class Way(Protocol):
    """The operators' side of one way of selling."""

    @property
    def dry_run(self) -> Callable[..., DryRun]:
        """Forecast a draft."""
        ...

    @property
    def schedule(self) -> Callable[..., DryRun]:
        """Publish a draft."""
        ...

    @property
    def copy(self) -> Callable[..., Campaign]:
        """Draft the same for another window."""
        ...


class StandingLine(Protocol):
    """How one kind of row that a sweep acts on stands."""

    @property
    def sweep(self) -> str:
        """Who acts on it."""
        ...

    @property
    def rows(self) -> str:
        """Its table."""
        ...

    @property
    def due(self) -> int:
        """How many are due."""
        ...

    @property
    def late_seconds(self) -> float:
        """How long the oldest of them has waited."""
        ...

    @property
    def retrying(self) -> int:
        """How many were tried before."""
        ...

    @property
    def given_up(self) -> int:
        """How many wait for a person."""
        ...

    @property
    def next_due_at(self) -> datetime | None:
        """When the next one is due."""
        ...


class Standing(Protocol):
    """How everything stands that time brings."""

    @property
    def lines(self) -> Sequence[StandingLine]:
        """One line for each kind of row."""
        ...

    @property
    def pulses(self) -> Sequence[Pulse]:
        """Who is alive to act."""
        ...

    @property
    def troubles(self) -> Sequence[str]:
        """What somebody should look at."""
        ...


@dataclass(frozen=True, slots=True)
class Instruments:
    """What the roof hands in: ways of selling, what can be approved, live numbers, our address."""

    ways: Mapping[CampaignKind, Way]
    actions: Callable[[Ports], Actions]
    watch: Callable[[Ports, UUID], dict[str, Any]]
    look: Callable[[Session, datetime], Standing]
    origin: str  # where people reach us, as "https://shop.example"; empty: wherever they say

    @property
    def is_secure(self) -> bool:
        """Say whether people reach us by https alone."""
        return self.origin.startswith("https://")


def ports() -> Ports:
    """Return the ports of the application that serves this request."""
    return cast("Ports", current_app.extensions["ports"])


def instruments() -> Instruments:
    """Return what the roof handed in."""
    return cast("Instruments", current_app.extensions["console"])


def actions() -> Actions:
    """Return what each kind of request does that a second person decides."""
    return instruments().actions(ports())


def look(session: Session, at: datetime) -> Standing:
    """Return how time stands, as it was read a moment ago at most."""
    return cast("Standing", kept().get("standing", lambda: instruments().look(session, at)))


def kept() -> Kept[Hashable, Any]:
    """Return what this process has just read."""
    return cast("Kept[Hashable, Any]", current_app.extensions["console_kept"])


def kept_longer() -> Kept[Hashable, Any]:
    """Return what this process has read within some seconds: what costs more to read."""
    return cast("Kept[Hashable, Any]", current_app.extensions["console_kept_longer"])


def keys() -> OperatorKeys:
    """Return the keys of operators' sessions and second factors."""
    return OperatorKeys.of(ports().token_hash_key)


def now() -> datetime:
    """Return the moment."""
    return ports().clock()
