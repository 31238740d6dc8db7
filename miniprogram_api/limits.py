"""Request limits per member and per address, and what happens when nobody can count."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar, cast
from uuid import UUID

from flask import current_app, request

from kit.clock import monotonic_seconds
from kit.errors import RateLimited, Unavailable
from kit.networks import network_of
from kit.ratelimit import LimiterUnavailable
from miniprogram_api.ports import ports

log = logging.getLogger(__name__)

WINDOW_SECONDS: Final = 60
# After a failure nobody asks Redis for this long, so that an outage costs one timeout, not all.
SILENCE_SECONDS: Final = 1.0

View = TypeVar("View", bound=Callable[..., Any])


class Kind(StrEnum):
    """What is counted."""

    READ = "read"
    WRITE = "write"
    SIGN_IN = "sign_in"
    REVEAL = "reveal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Requests allowed per minute and member; an address gets `address_multiple` times as many."""

    reads_per_minute: int = 600
    writes_per_minute: int = 120
    sign_ins_per_minute: int = 60
    reveals_per_minute: int = 20
    address_multiple: int = 20
    device_percent: int = 60  # of a member's, where devices are told apart

    def most(self, kind: Kind) -> int:
        """Return how many requests of the kind one member may make in a minute."""
        return {
            Kind.READ: self.reads_per_minute,
            Kind.WRITE: self.writes_per_minute,
            Kind.SIGN_IN: self.sign_ins_per_minute,
            Kind.REVEAL: self.reveals_per_minute,
        }[kind]

    def most_of_device(self, kind: Kind) -> int:
        """Return how many requests of the kind may come from one device in a minute."""
        return max(1, self.most(kind) * self.device_percent // 100)

    def most_of_address(self, kind: Kind) -> int:
        """Return how many may come from one address: it may stand for many members."""
        return self.most(kind) * self.address_multiple


class Gate:
    """The limits of one process, and until when its counter is believed to be out."""

    def __init__(self, limits: Limits) -> None:
        """Start with a counter that is believed to answer."""
        self.limits = limits
        self._silent_until = float("-inf")

    def hit(self, key: str, kind: Kind, *, most: int) -> None:
        """Count one request; raises `RateLimited`, or `Unavailable` for a reveal without Redis."""
        try:
            if monotonic_seconds() < self._silent_until:
                raise LimiterUnavailable
            verdict = ports().limiter.hit(f"{kind}:{key}", most=most, window_seconds=WINDOW_SECONDS)
        except LimiterUnavailable as exc:
            self._note_silence()
            # Sign-in, ordering and paying go on without Redis; guessing at codes does not.
            if kind is Kind.REVEAL:
                raise Unavailable(retry_after_seconds=5) from exc
            return
        if not verdict.allowed:
            raise RateLimited(retry_after_seconds=verdict.retry_after_seconds)

    def _note_silence(self) -> None:
        if monotonic_seconds() >= self._silent_until:
            self._silent_until = monotonic_seconds() + SILENCE_SECONDS
            log.warning("the request counter does not answer")


def counted_as(kind: Kind) -> Callable[[View], View]:
    """Mark a route as counted otherwise than as a read (GET) or a write (all else)."""

    def mark(view: View) -> View:
        view.__dict__["counted_as"] = kind
        return view

    return mark


def count_address(view: Callable[..., Any]) -> None:
    """Count this request for the address it came from."""
    kind = _kind_of(view)
    gate = _gate()
    gate.hit(f"address:{client_network()}", kind, most=gate.limits.most_of_address(kind))


def count_member(view: Callable[..., Any], member_id: UUID) -> None:
    """Count this request for the member who is signed in."""
    kind = _kind_of(view)
    gate = _gate()
    gate.hit(f"member:{member_id}", kind, most=gate.limits.most(kind))


def count_device(view: Callable[..., Any], device: bytes) -> None:
    """Count this request for one of the member's devices."""
    kind = _kind_of(view)
    gate = _gate()
    gate.hit(f"device:{device.hex()}", kind, most=gate.limits.most_of_device(kind))


def count_page() -> None:
    """Count a page of the public site for the address it was asked from."""
    gate = _gate()
    gate.hit(f"page:{client_network()}", Kind.READ, most=gate.limits.most_of_address(Kind.READ))


def client_network() -> str:
    """Return the network that the request came from."""
    return network_of(request.remote_addr or "")


def _kind_of(view: Callable[..., Any]) -> Kind:
    by_method = Kind.READ if request.method in ("GET", "HEAD") else Kind.WRITE
    return cast("Kind", getattr(view, "counted_as", by_method))


def _gate() -> Gate:
    return cast("Gate", current_app.extensions["gate"])
