"""What can be refused at once: each hot campaign's gate is looked at twenty times a second.

Only what is sure is said here. Who may hold units, or has an offer, is sent on, since the same
claim may have been answered before; and so is everybody as soon as the last look is old.
"""

import logging
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from flash_sale.admission import DOUBT_SECONDS
from flash_sale.batch import Wanted
from flash_sale.gate import Gate
from flash_sale.gate_wire import GateState, GateUnavailable, GateView
from flash_sale.queries import Sale
from flash_sale.rules import opens_at
from kit.clock import monotonic_seconds

log = logging.getLogger(__name__)

LOOK_EVERY_SECONDS: Final = 0.05
# Older looks say nothing; a unit that came back meanwhile is sold to who asks a moment later.
FRESH_SECONDS: Final = 0.5
HOT_SECONDS: Final = 5.0  # since somebody asked last
# With more holders than this, their list would cost more than it saves.
MOST_HOLDERS: Final = 50_000
# The gate alone says to the millisecond when it opens; before that, one need not be so exact.
SURELY_BEFORE: Final = timedelta(milliseconds=250)


@dataclass(frozen=True, slots=True)
class Look:
    """What a gate looked like, and when it was asked."""

    at: float
    view: GateView
    holders: frozenset[bytes] | None  # who ever claimed; None: not known, so everybody may have


class Outlook:
    """Campaign id → the last look at its gate, for those that are being asked for."""

    def __init__(self, gate: Gate) -> None:
        """Nobody has asked yet."""
        self._gate = gate
        self._looks: dict[UUID, Look] = {}
        self._asked_at: dict[UUID, float] = {}
        self._doubted_until = 0.0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outlook", daemon=True)

    def is_sold_out(self, campaign_id: UUID, member_id: UUID, *, now: datetime) -> bool:
        """Say whether the member can surely not get a unit, and has claimed none either."""
        look = self._looks.get(campaign_id)
        if look is None or look.holders is None or monotonic_seconds() - look.at > FRESH_SECONDS:
            return False
        view = look.view
        if view.units or view.state is not GateState.OPEN:
            return False
        if not view.starts_at <= now < view.ends_at:
            return False
        self._asked_at[campaign_id] = look.at
        has_offer = bool(view.offered) and member_id in view.offered
        return not has_offer and member_id.bytes not in look.holders

    def is_early(self, sale: Sale, wanted: Wanted, *, now: datetime) -> bool:
        """Say whether the claim surely comes before the opening."""
        look = self._looks.get(sale.campaign.id)
        if look is None or monotonic_seconds() - look.at > FRESH_SECONDS:
            return False
        opens = opens_at(sale.campaign, sale.terms, is_early=wanted.is_early)
        return look.view.state is GateState.OPEN and now < opens - SURELY_BEFORE

    def note(self, campaign_id: UUID) -> None:
        """Look at this campaign's gate for a while."""
        self._asked_at[campaign_id] = monotonic_seconds()

    def hot(self) -> list[UUID]:
        """Return the campaigns that somebody asked for lately, and forget the others."""
        since = monotonic_seconds() - HOT_SECONDS
        for campaign_id, at in list(self._asked_at.items()):
            if at < since:
                self._asked_at.pop(campaign_id, None)
                self._looks.pop(campaign_id, None)
        return list(self._asked_at)

    def start(self) -> None:
        """Look from now on, in a thread: a busy event loop would look late."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self, campaign_id: UUID) -> None:
        """Look at one gate; what cannot be seen is not known any more."""
        at = monotonic_seconds()
        try:
            view = self._gate.peek(campaign_id)
            holders = None if view is None else self._holders(campaign_id, view)
        except GateUnavailable:
            view, holders = None, None
            self._doubted_until = at + DOUBT_SECONDS
        if view is None:
            self._looks.pop(campaign_id, None)
        else:
            self._looks[campaign_id] = Look(at, view, holders)

    def _run(self) -> None:
        while not self._is_over.wait(LOOK_EVERY_SECONDS):
            try:
                for campaign_id in self.hot():
                    self.look(campaign_id)
            except Exception:
                log.exception("no look at the gates")

    def _holders(self, campaign_id: UUID, view: GateView) -> frozenset[bytes] | None:
        """Return all who may hold units or have claimed; read again only when others may."""
        if view.units or view.holders > MOST_HOLDERS or not view.knows_holders:
            return None
        if (
            monotonic_seconds() < self._doubted_until
        ):  # claims may have gone past a gate that was away
            return None
        before = self._looks.get(campaign_id)
        is_known = before is not None and before.view.version == view.version
        if before is not None and is_known and before.holders is not None:
            return before.holders
        holders = self._gate.list_holders(campaign_id)
        after = self._gate.peek(campaign_id)
        # A gate that was lost and filled between may not have told them all.
        return holders if after is not None and after.version == view.version else None
