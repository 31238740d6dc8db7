"""Published flash sales as this process has just read them, so that a rush costs few queries."""

import threading
from typing import Final
from uuid import UUID

from flash_sale import queries
from flash_sale.queries import Sale
from kit.clock import monotonic_seconds
from kit.db import Begin
from shop.campaigns.queries import CampaignNotFound

KEPT_SECONDS: Final = 1.0
STALE_SECONDS: Final = 3.0
MOST_KEPT: Final = 1000


class SaleBoard:
    """Campaign id → the sale, for a second; that there is none is kept as long."""

    def __init__(self, begin: Begin) -> None:
        """Know nothing yet."""
        self._begin = begin
        self._kept: dict[UUID, tuple[float, Sale | None]] = {}
        self._turn = threading.Lock()

    def get(self, campaign_id: UUID) -> Sale:
        """Return the sale; raises `CampaignNotFound`."""
        kept = self._kept.get(campaign_id)
        if kept is None or monotonic_seconds() >= kept[0]:
            kept = self._read(campaign_id)
        if kept[1] is None:
            raise CampaignNotFound
        return kept[1]

    def peek(self, campaign_id: UUID) -> Sale | None:
        """Return the sale as it was read some seconds ago at most, asking nobody."""
        kept = self._kept.get(campaign_id)
        if kept is None or monotonic_seconds() >= kept[0] + STALE_SECONDS:
            return None
        return kept[1]

    def _read(self, campaign_id: UUID) -> tuple[float, Sale | None]:
        try:
            with self._begin() as session:
                sale: Sale | None = queries.get_sale(session, campaign_id)
        except CampaignNotFound:
            sale = None
        kept = (monotonic_seconds() + KEPT_SECONDS, sale)
        with self._turn:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[campaign_id] = kept
        return kept
