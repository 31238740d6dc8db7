"""The lottery: registered members are drawn in an order that anybody can compute again."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Integer, Uuid, select, update
from sqlalchemy.orm import Session

from flash_sale import queries, waiting
from flash_sale.events import LotteryDrawn
from flash_sale.models import Draw, FlashTerms, Wait, WaitStatus
from flash_sale.rules import draw, draw_commitment, entries_digest
from kit.crypto import same
from kit.errors import Conflict
from kit.outbox import emit
from kit.rows import array_table
from shop.campaigns.models import CampaignStatus
from shop.campaigns.queries import lock_campaign
from shop.campaigns.service import release_campaign
from shop.cards import allotments

CHUNK: Final = 10_000


class NotOverYet(Conflict):
    """Members may still register, or the campaign is no lottery."""

    code = "flash_sale.not_over_yet"
    title = "The draw is made when the time for registering is over"
    message = "登记尚未结束，暂不能抽签"


def hold_draw(session: Session, campaign_id: UUID, *, now: datetime) -> Draw:
    """Draw once, and offer units to those who were lucky; a repeat returns the draw that was.

    Raises `CampaignNotFound` or `NotOverYet`.
    """
    campaign = lock_campaign(session, campaign_id)
    terms = queries.get_terms(session, campaign_id)
    earlier = session.get(Draw, campaign_id)
    if earlier is not None:
        return earlier
    if terms.draw_seed is None or campaign.status is not CampaignStatus.ENDED:
        raise NotOverYet
    # Whoever is just registering refers to the terms: they are waited for, and are drawn too.
    session.get_one(FlashTerms, campaign_id, with_for_update=True, populate_existing=True)
    entries = session.scalars(
        select(Wait.id)
        .where(Wait.campaign_id == campaign_id, Wait.status == WaitStatus.WAITING)
        .order_by(Wait.id)
        .with_for_update()
    ).all()
    _rank(session, draw(terms.draw_seed, entries))
    units = allotments.count_left(session, [terms.item_id], now=now).get(terms.item_id, 0)
    held = Draw(
        campaign_id=campaign_id,
        entries=len(entries),
        entries_digest=entries_digest(entries),
        winners=min(len(entries), units),
        drawn_at=now,
    )
    session.add(held)
    emit(session, LotteryDrawn(str(campaign_id), held.entries, held.winners), now=now)
    release_campaign(session, campaign, now=now)
    waiting.offer_free_units(session, campaign_id, now=now)
    return held


def report(session: Session, campaign_id: UUID) -> dict[str, Any]:
    """Return all that is needed to check a draw, as JSON; raises `NotDrawn`."""
    held = queries.get_draw(session, campaign_id)
    seed = queries.get_terms(session, campaign_id).draw_seed or b""
    entries = queries.list_entries(session, campaign_id)
    return {
        "campaign_id": str(campaign_id),
        "commitment": _text(draw_commitment(seed)),
        "seed": _text(seed),
        "entries": [str(entry) for entry in entries],
        "entries_digest": _text(held.entries_digest),
        "winners": held.winners,
        "order": [str(entry) for entry in draw(seed, entries)],
        "drawn_at": held.drawn_at.isoformat(),
    }


def check(told: Mapping[str, Any]) -> list[str]:
    """Compute a reported draw again; return what does not agree, nothing when all of it does."""
    seed = base64.b64decode(told["seed"])
    entries = [UUID(entry) for entry in told["entries"]]
    problems = []
    if not same(_text(draw_commitment(seed)), told["commitment"]):
        problems.append("the seed is not the one that was promised before the campaign opened")
    if not same(_text(entries_digest(entries)), told["entries_digest"]):
        problems.append("the list of entries is not the one that was drawn from")
    if [str(entry) for entry in draw(seed, entries)] != told["order"]:
        problems.append("the order is not what the seed draws from the entries")
    return problems


def _rank(session: Session, drawn: Sequence[UUID]) -> None:
    for start in range(0, len(drawn), CHUNK):
        part = drawn[start : start + CHUNK]
        session.execute(
            update(Wait).where(Wait.id == _LOTS.c.id).values(rank=_LOTS.c.rank),
            {"lot_id": part, "lot_rank": [start + place + 1 for place in range(len(part))]},
            execution_options={"synchronize_session": False},
        )


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


_LOTS: Final = array_table("lot", {"id": Uuid(), "rank": Integer()})
