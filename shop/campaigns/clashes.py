"""Clashes of campaigns: one SKU sold by two in the same time, and a crowd of flash sales."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from shop.campaigns.models import Campaign, CampaignKind, CampaignStatus
from shop.campaigns.queries import UNDER_WAY

# Drafts clash as well: that is what somebody wants to know before publishing.
CLASHING: Final = (CampaignStatus.DRAFT, *UNDER_WAY)
MOST_SALES: Final = 3  # flash sales that begin within an hour; members have one pair of eyes
SOON: Final = timedelta(hours=1)


def same_skus(
    campaigns: Sequence[Campaign], skus: Mapping[UUID, Collection[UUID]]
) -> Mapping[UUID, set[UUID]]:
    """Return campaign id → others that sell a SKU of it in part of the same time.

    `skus` has what each campaign sells.
    """
    found: dict[UUID, set[UUID]] = {}
    running: list[Campaign] = []
    for one in _clashing(campaigns):
        running = [other for other in running if other.ends_at > one.starts_at]
        for other in running:
            if set(skus.get(one.id, ())) & set(skus.get(other.id, ())):
                found.setdefault(one.id, set()).add(other.id)
                found.setdefault(other.id, set()).add(one.id)
        running.append(one)
    return found


def crowds(campaigns: Sequence[Campaign], *, most: int = MOST_SALES) -> Mapping[UUID, set[UUID]]:
    """Return campaign id → the other flash sales of a crowd: more than `most` begin in an hour."""
    found: dict[UUID, set[UUID]] = {}
    near: list[Campaign] = []
    for one in _clashing(campaigns):
        if one.kind is not CampaignKind.FLASH_SALE:
            continue
        near = [*(other for other in near if _is_near(other.starts_at, one.starts_at)), one]
        if len(near) > most:
            ids = {each.id for each in near}
            for each in near:
                found.setdefault(each.id, set()).update(ids - {each.id})
    return found


def _clashing(campaigns: Sequence[Campaign]) -> list[Campaign]:
    those = [one for one in campaigns if one.status in CLASHING]
    return sorted(those, key=lambda one: (one.starts_at, one.id))


def _is_near(earlier: datetime, later: datetime) -> bool:
    return later - earlier < SOON
