"""Letting a member in before a rush: who may claim, from when, and after which challenge."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from flash_sale import queries
from flash_sale.challenges import Challenge
from flash_sale.models import SaleMode
from flash_sale.queries import Sale
from flash_sale.risk import Signs, risk_of
from flash_sale.rules import ChallengeRequired, DrawnByLot
from flash_sale.tokens import LONGEST, PurchaseToken, device_of
from shop.campaigns.models import Audience
from shop.campaigns.rules import OVER, Ended, NotForYou, NotStarted
from shop.members.models import Member, SignIn
from shop.orders import queries as orders

# Without a warm-up, tokens are given from so long before the opening.
GIVEN_BEFORE: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Doorman:
    """What is asked of those who look like programs, and from which score on."""

    challenge: Challenge
    from_score: int

    def check(
        self,
        campaign_id: UUID,
        member_id: UUID,
        signs: Signs,
        *,
        answer: Mapping[str, Any] | None = None,
        address: str,
        now: datetime,
    ) -> None:
        """Raise `ChallengeRequired` with a challenge unless none is needed, or it is solved."""
        if risk_of(signs, now=now) < self.from_score:
            return
        if answer is not None and self.challenge.is_solved(
            campaign_id, member_id, dict(answer), address=address, now=now
        ):
            return
        raise ChallengeRequired(**self.challenge.pose(campaign_id, member_id, now=now))


def let_in(
    session: Session,
    campaign_id: UUID,
    member: Member,
    sign_in: SignIn,
    *,
    channel: int,
    now: datetime,
) -> PurchaseToken:
    """Return the token with which the member may claim.

    Raises `CampaignNotFound`, `DrawnByLot`, `NotStarted` before the warm-up, `Ended`, or
    `NotForYou`.
    """
    sale = queries.get_sale(session, campaign_id)
    _check_time(sale, now=now)
    is_new_only = sale.campaign.audience is Audience.NEW_MEMBERS
    if is_new_only and orders.has_paid_before(session, member.id):
        raise NotForYou
    return PurchaseToken(
        campaign_id=campaign_id,
        member_id=member.id,
        device=device_of(sign_in.id),
        channel=channel,
        is_early=_has_early_access(session, sale, member.id),
        expires_at=min(now + LONGEST, sign_in.expires_at),
    )


def _check_time(sale: Sale, *, now: datetime) -> None:
    campaign = sale.campaign
    if sale.terms.mode is SaleMode.LOTTERY:
        raise DrawnByLot
    if campaign.status in OVER or now >= campaign.ends_at:
        raise Ended
    early = timedelta(seconds=sale.terms.early_seconds)
    given_from = campaign.warms_at or campaign.starts_at - early - GIVEN_BEFORE
    if now < given_from:
        raise NotStarted(starts_at=campaign.starts_at.isoformat())


def _has_early_access(session: Session, sale: Sale, member_id: UUID) -> bool:
    if sale.terms.early_units == 0:
        return False
    return orders.count_fulfilled(session, member_id) >= sale.terms.early_orders
