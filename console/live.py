"""The live room of a campaign: a page, and a snapshot that it asks for again and again."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Response, jsonify, make_response, render_template, request
from markupsafe import Markup
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from console import campaign_reading as reading
from console import live_reading
from console.door import make_room, may, permissions
from console.ports import instruments, kept, kept_longer, now, ports
from console.versions import campaign_state, version_of
from console.words import select_language
from flash_sale.burn_down import Point
from group_buy import queries as group_buys
from group_buy.models import Group
from shop.campaigns.models import Campaign, CampaignKind
from shop.operators.rules import Permission
from shop.orders import queries as orders
from shop.orders.models import Order

RECENT = 12
ROUGHLY = 30  # seconds by which a forecast may be off before it is news

blueprint = make_room("live")


@blueprint.get("/campaigns/<uuid:campaign_id>/live")
@may(Permission.CAMPAIGNS)
def show(campaign_id: UUID) -> str:
    """Show the room; its numbers are the snapshot's of this moment."""
    with ports().begin() as session:
        campaign = reading.get_any(session, campaign_id)
        wares = reading.list_wares(session, [campaign.id])[campaign.id]
    return render_template(
        "console/live.html",
        campaign=campaign,
        wares=wares,
        version=version_of(campaign_state(campaign)),
        numbers=Markup(_draw(campaign, _read(campaign_id))),  # noqa: S704 - our own template's
    )


@blueprint.get("/campaigns/<uuid:campaign_id>/live/snapshot")
@may(Permission.CAMPAIGNS)
def snapshot(campaign_id: UUID) -> Response:
    """Return the room's numbers as a piece of the page; 304 while they are the same."""
    told = _read(campaign_id)
    digest = told["digest"]
    if digest in request.if_none_match:
        response = make_response("", 304)
    else:
        response = make_response(_draw_once(told))
    response.headers["Cache-Control"] = "private, no-cache"
    response.set_etag(digest)
    return response


@blueprint.get("/clock")
@may(Permission.CAMPAIGNS)
def tell_time() -> Response:
    """Return the server's time in milliseconds, for countdowns that were asleep."""
    return jsonify(now=int(now().timestamp() * 1000))


def _draw_once(told: dict[str, Any]) -> str:
    """Return the piece, drawn once for all who see the same, however many look."""
    drawn, key = told["drawn"], (select_language(), permissions())
    if key not in drawn:
        drawn[key] = _draw(told["campaign"], told)
    text: str = drawn[key]
    return text


def _draw(campaign: Campaign, told: dict[str, Any]) -> str:
    """Return the piece of the page that is asked for again and again."""
    return render_template(
        "console/live_numbers.html",
        campaign=campaign,
        told=told,
        curve=live_reading.curve_of(campaign, told, now=now()),
        now=now(),
    )


def _read(campaign_id: UUID) -> dict[str, Any]:
    """Return the campaign and its numbers, as they were read a moment ago at most."""
    told: dict[str, Any] = kept().get(("live", campaign_id), lambda: _read_now(campaign_id))
    return told


def _read_now(campaign_id: UUID) -> dict[str, Any]:
    """Return the numbers of the way of selling, and the last orders."""
    with ports().begin() as session:
        campaign = reading.get_any(session, campaign_id)
    told: dict[str, Any] = {"sale": None, "points": [], "groups": None}
    is_sale = campaign.kind is CampaignKind.FLASH_SALE
    if is_sale and campaign.status.value not in ("draft", "cancelled"):
        told["sale"] = instruments().watch(ports(), campaign.id)
        told["points"] = kept_longer().get(("points", campaign.id), lambda: _read_points(campaign))
    with ports().begin() as session:
        if not is_sale:
            told["groups"] = _read_groups(session, campaign.id)
        told["orders"] = _list_recent(session, campaign.id)
        order_ids = [one["id"] for one in told["orders"]]
        told["events"] = live_reading.list_events(session, campaign, order_ids)
    told["bringers"] = kept_longer().get(
        ("bringers", campaign.id), lambda: _read_bringers(campaign.id)
    )
    return {**told, "campaign": campaign, "digest": _digest(campaign, told), "drawn": {}}


def _read_bringers(campaign_id: UUID) -> list[dict[str, Any]]:
    """Return who brings buyers; it adds up every order of a campaign, and is kept for longer."""
    with ports().begin() as session:
        return live_reading.list_bringers(session, campaign_id)


def _read_points(campaign: Campaign) -> Sequence[Point]:
    """Return what was left when; it adds up every claim of a sale, and is kept for longer."""
    with ports().begin() as session:
        return live_reading.list_points(session, campaign, now=now())


def _read_groups(session: Session, campaign_id: UUID) -> dict[str, Any]:
    counts = group_buys.count_by_status(session, campaign_id)
    paid, house = session.execute(
        select(
            func.coalesce(func.sum(Group.seats_paid), 0),
            func.coalesce(func.sum(Group.house_seats), 0),
        ).where(Group.campaign_id == campaign_id)
    ).one()
    return {
        **{status.value: count for status, count in counts.items()},
        "seats_paid": int(paid),
        "house_seats": int(house),
        "nearly": [
            {
                "id": str(group.id),
                "missing": group.seats_required - group.seats_paid,
                "ends_at": group.ends_at,
            }
            for group in group_buys.list_nearly_full(
                session, campaign_id, missing=2, now=now(), limit=5
            )
        ],
    }


def _list_recent(session: Session, campaign_id: UUID) -> list[dict[str, Any]]:
    """Return the campaign's last orders; nothing tells who placed them."""
    rows = session.execute(
        select(Order.id, Order.order_no, Order.status, Order.total_fen, Order.placed_at)
        .where(*orders.of_campaign(campaign_id))
        .order_by(Order.id.desc())
        .limit(RECENT)
    )
    return [dict(row._mapping) for row in rows]


def _digest(campaign: Campaign, told: dict[str, Any]) -> str:
    """Return what changes when the numbers do, and not because a moment has passed."""
    sale = told["sale"]
    numbers = sale and {**sale, "at": None, "sold_out_in_seconds": _roughly(sale)}
    counted = {**told, "sale": numbers}
    text = json.dumps([campaign_state(campaign), counted], default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _roughly(sale: dict[str, Any]) -> int | None:
    seconds = sale["sold_out_in_seconds"]
    return None if seconds is None else int(seconds) // ROUGHLY
