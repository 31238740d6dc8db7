"""Pure rules of the flash sale: sane terms, when claims are taken, early access, the draw."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from flash_sale.models import FlashTerms, SaleMode
from kit.errors import Conflict, Forbidden, Malformed
from shop.campaigns.models import Campaign, CampaignStatus
from shop.campaigns.rules import Ended, NotStarted, Paused, trail_ends_at

S = CampaignStatus

MOST_SHARDS: Final = 16
LONGEST_OFFER: Final = timedelta(days=7)
LONGEST_EARLY: Final = timedelta(days=1)
REMINDED_BEFORE: Final = timedelta(minutes=5)
# Published, so that time alone stands between it and its buyers.
_ON_ITS_WAY: Final = (S.SCHEDULED, S.WARMING, S.LIVE)


class BadTerms(Malformed):
    """The terms make no sense; `reason` says why."""

    code = "flash_sale.bad_terms"
    title = "The terms of the flash sale make no sense"
    message = "秒杀设置有误"


class SoldOut(Conflict):
    """Nothing is left, or less than was asked for; somebody may yet not pay."""

    code = "sold_out"
    title = "Sold out"
    message = "已抢光"


class DrawnByLot(Conflict):
    """The campaign is a lottery: members register, and only those who are drawn may claim."""

    code = "flash_sale.drawn_by_lot"
    title = "This campaign is a lottery: register first"
    message = "本活动为抽签购买，请先登记"


class StillOnSale(Conflict):
    """Units are left for whoever claims one: nobody needs to wait."""

    code = "flash_sale.still_on_sale"
    title = "There are units left: claim one"
    message = "仍有库存，请直接抢购"


class NoOffer(Conflict):
    """The offer is not the member's, or its time is over."""

    code = "flash_sale.no_offer"
    title = "There is no such offer, or its time is over"
    message = "候补资格不存在或已过期"


class ChallengeRequired(Forbidden):
    """The request looks like a program's; `details` hold the challenge to solve first."""

    code = "flash_sale.challenge_required"
    title = "Solve the challenge first"
    message = "请先完成验证"


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsPlan:
    """What an operator decides about a flash sale."""

    mode: SaleMode = SaleMode.RUSH
    offer: timedelta = timedelta(minutes=5)
    shards: int = 1
    early: timedelta = timedelta(0)
    early_units: int = 0
    early_orders: int = 1


def check_terms(plan: TermsPlan, *, allotments: Sequence[int], limit_per_member: int) -> None:
    """Raise `BadTerms` unless a flash sale could be held; `allotments` are those of its items."""
    if len(allotments) != 1:
        raise BadTerms(reason="a flash sale sells one SKU")
    if not timedelta(seconds=1) <= plan.offer <= LONGEST_OFFER:
        raise BadTerms(reason="an offer lasts a second to seven days")
    if not 1 <= plan.shards <= MOST_SHARDS:
        raise BadTerms(reason=f"a gate has 1 to {MOST_SHARDS} shards")
    if plan.mode is SaleMode.LOTTERY and (plan.early_units or limit_per_member != 1):
        raise BadTerms(reason="a lottery gives one unit to each, and nothing early")
    _check_early(plan, allotment=allotments[0])


def check_claims_taken(
    campaign: Campaign, terms: FlashTerms, *, is_early: bool, is_stopped: bool, now: datetime
) -> None:
    """Raise `NotStarted`, `Ended`, `Paused` or `DrawnByLot` unless claims are taken now.

    The clock decides, not the sweep that will turn the campaign a moment later.
    """
    if terms.mode is SaleMode.LOTTERY:
        raise DrawnByLot
    if campaign.status is S.PAUSED:
        raise Paused(reason=campaign.pause_reason)
    if campaign.status not in _ON_ITS_WAY or now >= campaign.ends_at:
        raise Ended
    if now < opens_at(campaign, terms, is_early=is_early):
        raise NotStarted(starts_at=campaign.starts_at.isoformat())
    if is_stopped:
        raise Paused(reason=None)


def check_offers_taken(campaign: Campaign, *, is_stopped: bool) -> None:
    """Raise `Paused` while nothing is sold at all, though an offer has a time of its own."""
    if campaign.status is S.PAUSED:
        raise Paused(reason=campaign.pause_reason)
    if is_stopped:
        raise Paused(reason=None)


def opens_at(campaign: Campaign, terms: FlashTerms, *, is_early: bool) -> datetime:
    """Return from when on a member's claims are taken."""
    early = timedelta(seconds=terms.early_seconds) if is_early else timedelta(0)
    return campaign.starts_at - early


def takes_waits(campaign: Campaign, *, now: datetime) -> bool:
    """Say whether somebody may begin to wait: from the start on, as long as it goes on."""
    return (
        campaign.status in (*_ON_ITS_WAY, S.PAUSED) and campaign.starts_at <= now < campaign.ends_at
    )


def offers_until(campaign: Campaign) -> datetime:
    """Return the moment after which nothing is offered any more."""
    return trail_ends_at(campaign)


def draw_commitment(seed: bytes) -> bytes:
    """Return what is published with the campaign: it binds the seed, and tells nothing of it."""
    return hashlib.sha256(b"tuanka/draw/v1" + seed).digest()


def entries_digest(entries: Sequence[UUID]) -> bytes:
    """Return the SHA-256 of a lottery's entries in the order in which they were made."""
    digest = hashlib.sha256(b"tuanka/entries/v1")
    for entry in entries:
        digest.update(entry.bytes)
    return digest.digest()


def draw(seed: bytes, entries: Sequence[UUID]) -> list[UUID]:
    """Return the entries in the order of the draw, the luckiest first.

    The list itself goes into each lot, so that nobody could choose a seed for it beforehand.
    """
    drum = hashlib.sha256(seed + entries_digest(entries)).digest()
    return sorted(entries, key=lambda entry: hashlib.sha256(drum + entry.bytes).digest())


def _check_early(plan: TermsPlan, *, allotment: int) -> None:
    if not timedelta(0) <= plan.early <= LONGEST_EARLY:
        raise BadTerms(reason="early access lasts a day at most")
    if (plan.early > timedelta(0)) is not (plan.early_units > 0):
        raise BadTerms(reason="early access needs a time and a quota")
    if not 1 <= plan.early_orders <= 1000:
        raise BadTerms(reason="early access needs 1 to 1000 earlier orders")
    if plan.early_units > allotment:
        raise BadTerms(reason="the quota of early access is larger than the allotment")
