"""A group-buy campaign at an operator's hand: its terms, publishing it, copying it."""

import dataclasses
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from group_buy import queries
from group_buy.models import GroupTerms
from group_buy.rules import BadTerms, Rung, TermsPlan, check_terms, ladder_of, lowest_price
from kit.money import Fen
from shop.campaigns import planning
from shop.campaigns import service as campaigns
from shop.campaigns.models import Campaign, CampaignItem, CampaignKind
from shop.campaigns.rules import Window
from shop.campaigns.service import Plan


def plan_group_buy(
    session: Session, plan: Plan, terms: TermsPlan, *, actor: str, now: datetime
) -> Campaign:
    """Write a draft and the terms of its groups down; raises `BadPlan` or `BadTerms`."""
    check_terms(
        terms,
        deal_price_fen=plan.items[0].deal_price_fen if plan.items else Fen(1),
        items=len(plan.items),
    )
    if any(item.allotment < terms.seats_required for item in plan.items):
        raise BadTerms(reason="fewer units than one group has seats")
    if terms.ladder:
        # Formed groups go on growing after the window, and everything they sold may be finished.
        plan = dataclasses.replace(plan, trails=terms.lasts)
    campaign = campaigns.plan_campaign(session, CampaignKind.GROUP_BUY, plan, actor=actor, now=now)
    session.add(_terms_of(campaign.id, terms))
    session.flush()  # what follows reads the terms
    return campaign


def copy_group_buy(
    session: Session,
    source: Campaign,
    *,
    window: Window,
    name: str | None = None,
    actor: str,
    now: datetime,
) -> Campaign:
    """Draft the same campaign with the same terms for another window."""
    copied = campaigns.copy_campaign(
        session, source, window=window, name=name, actor=actor, now=now
    )
    copy_terms(session, from_id=source.id, into_id=copied.id)
    return copied


def copy_terms(session: Session, *, from_id: UUID, into_id: UUID) -> None:
    """Give a draft the terms of another campaign, unless it has some."""
    if session.get(GroupTerms, into_id) is not None:
        return
    terms = queries.get_terms(session, from_id)
    session.add(_terms_of(into_id, _plan_of(terms)))
    session.flush()  # what follows reads the terms


def _lowest_price(session: Session, item: CampaignItem) -> Fen:
    """Return the lowest price that the terms allow, on a ladder or for an initiator."""
    terms = queries.get_terms(session, item.campaign_id)
    return lowest_price(terms, item.deal_price_fen)


def _terms_of(campaign_id: UUID, plan: TermsPlan) -> GroupTerms:
    return GroupTerms(
        campaign_id=campaign_id,
        seats_required=plan.seats_required,
        seats_max=plan.ladder[-1].seats if plan.ladder else plan.seats_required,
        ladder={"rungs": [[rung.seats, rung.price_fen] for rung in plan.ladder]},
        initiator_price_fen=plan.initiator_price_fen,
        lasts_seconds=int(plan.lasts.total_seconds()),
        new_members_only=plan.new_members_only,
        groups_per_member=plan.groups_per_member,
        seats_per_member=plan.seats_per_member,
    )


def _plan_of(terms: GroupTerms) -> TermsPlan:
    return TermsPlan(
        seats_required=terms.seats_required,
        lasts=timedelta(seconds=terms.lasts_seconds),
        ladder=[Rung(rung.seats, rung.price_fen) for rung in ladder_of(terms)],
        initiator_price_fen=terms.initiator_price_fen,
        new_members_only=terms.new_members_only,
        groups_per_member=terms.groups_per_member,
        seats_per_member=terms.seats_per_member,
    )


# Both are the campaign's own, at the prices of this way of selling.
dry_run: Final = partial(planning.dry_run, lowest_price_of=_lowest_price)
schedule_group_buy: Final = partial(campaigns.schedule_campaign, lowest_price_of=_lowest_price)
