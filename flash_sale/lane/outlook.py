"""What can be refused at once: each hot campaign's gate is looked at twenty times a second.

Only what is sure is said here. Who may hold units, or has an offer, is sent on, since the same
claim may have been answered before; and so is everybody as soon as the last look is old.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from flash_sale.batch import Wanted
from flash_sale.gate import AsyncGate
from flash_sale.gate_wire import GateState, GateUnavailable, GateView
from flash_sale.queries import Sale
from flash_sale.rules import SoldOut, opens_at
from kit.clock import monotonic_seconds
from kit.errors import DomainError
from shop.campaigns.rules import NotStarted

log = logging.getLogger(__name__)

LOOK_EVERY_SECONDS: Final = 0.05
FRESH_SECONDS: Final = 0.1
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
    holders: frozenset[bytes] | None  # None: not known, and so everybody may be one


class Outlook:
    """Campaign id → the last look at its gate, for those that are being asked for."""

    def __init__(self, gate: AsyncGate) -> None:
        """Nobody has asked yet."""
        self._gate = gate
        self._looks: dict[UUID, Look] = {}
        self._asked_at: dict[UUID, float] = {}

    def refusal(self, sale: Sale, wanted: Wanted, *, now: datetime) -> DomainError | None:
        """Return why the claim cannot succeed, or None when the gate must be asked."""
        campaign_id = sale.campaign.id
        at = monotonic_seconds()
        look = self._looks.get(campaign_id)
        if look is None or at - look.at > FRESH_SECONDS or look.view.state is not GateState.OPEN:
            return None
        if now < opens_at(sale.campaign, sale.terms, is_early=wanted.is_early) - SURELY_BEFORE:
            return NotStarted(starts_at=sale.campaign.starts_at.isoformat())
        if look.view.units or look.holders is None or now < sale.campaign.starts_at:
            return None
        member_id = wanted.member_id
        if member_id in look.view.offered or member_id.bytes in look.holders:
            return None
        return SoldOut() if now < sale.campaign.ends_at else None

    def note(self, campaign_id: UUID) -> None:
        """Look at this campaign's gate for a while."""
        self._asked_at[campaign_id] = monotonic_seconds()

    def hot(self) -> list[UUID]:
        """Return the campaigns that somebody asked for lately, and forget the others."""
        since = monotonic_seconds() - HOT_SECONDS
        for campaign_id in [one for one, at in self._asked_at.items() if at < since]:
            del self._asked_at[campaign_id]
            self._looks.pop(campaign_id, None)
        return list(self._asked_at)

    async def run(self) -> None:
        """Look, and look again, until cancelled."""
        while True:
            await asyncio.gather(*map(self.look, self.hot()))
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def look(self, campaign_id: UUID) -> None:
        """Look at one gate; what cannot be seen is not known any more."""
        at = monotonic_seconds()
        try:
            view = await self._gate.peek(campaign_id)
            holders = None if view is None else await self._holders(campaign_id, view)
        except GateUnavailable:
            view, holders = None, None
        if view is None:
            self._looks.pop(campaign_id, None)
        else:
            self._looks[campaign_id] = Look(at, view, holders)

    async def _holders(self, campaign_id: UUID, view: GateView) -> frozenset[bytes] | None:
        """Return all who may hold units; read again only when somebody else may."""
        if view.units or view.holders > MOST_HOLDERS:
            return None
        before = self._looks.get(campaign_id)
        is_known = before is not None and before.view.version == view.version
        if before is not None and is_known and before.holders is not None:
            return before.holders
        return await self._gate.list_holders(campaign_id)
