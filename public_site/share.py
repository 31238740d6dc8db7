"""The page behind an invite: what is sold, at what price, until when; for people and previews."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from apiflask import APIBlueprint
from flask import Response, make_response, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from kit.clock import SHANGHAI
from kit.money import Fen, to_yuan
from public_site.legal import DOCUMENTS, POLICY, STYLE, Document
from public_site.not_found import show_not_found
from public_site.ports import ports
from shop.campaigns import queries as campaigns
from shop.campaigns.models import Campaign
from shop.catalog.models import Product, Sku
from shop.members import queries as members
from shop.referral import queries, service
from shop.referral.models import Invite

SOMEBODY: Final = "一位朋友"  # who chose no name
GENERAL: Final = "团卡 · 放心买卡"

blueprint = APIBlueprint("share", __name__, template_folder="templates", enable_openapi=False)


@dataclass(frozen=True, slots=True)
class Ware:
    """One thing that a campaign sells."""

    title: str
    price: str
    list_price: str


@dataclass(frozen=True, slots=True)
class Shared:
    """What the page shows: nothing of the inviter but the name they go by."""

    code: str
    inviter: str
    title: str
    price: str | None
    picture: str | None
    opens: str | None
    ends: str | None
    wares: tuple[Ware, ...]


@blueprint.get("/s/<code>")
def show(code: str) -> Response:
    """Show what somebody invites to, and count the look; an unknown code leads nowhere."""
    with ports().begin() as session:
        try:
            invite = queries.get_invite(session, code)
        except queries.InviteNotFound:
            return show_not_found()
        shared = view_invite(session, invite)
        answer = _render(shared)
        # Who comes back to a page they have is not counted again.
        if answer.status_code != 304 and request.method == "GET":
            service.count_view(session, invite)
    return answer


def view_invite(session: Session, invite: Invite) -> Shared:
    """Return what the invite's page shows; of a campaign that is not shown, nothing."""
    inviter = members.get_member(session, queries.find_root(session, invite.member_id))
    name = inviter.nickname or SOMEBODY
    campaign = None if invite.campaign_id is None else session.get(Campaign, invite.campaign_id)
    if campaign is None or campaign.status not in campaigns.SHOWN:
        return Shared(invite.code, name, GENERAL, None, None, None, None, ())
    items = campaigns.list_items(session, [campaign.id])[campaign.id]
    sold = {
        sku.id: (sku, product)
        for sku, product in session.execute(
            select(Sku, Product)
            .join(Product, Product.id == Sku.product_id)
            .where(Sku.id.in_([item.sku_id for item in items]))
        )
    }
    wares = tuple(
        _ware(*sold[item.sku_id], item.deal_price_fen) for item in items if item.sku_id in sold
    )
    pictures = [picture for _, product in sold.values() for picture in product.pictures[:1]]
    return Shared(
        code=invite.code,
        inviter=name,
        title=campaign.name,
        price=to_yuan(min(item.deal_price_fen for item in items)) if items else None,
        picture=pictures[0] if pictures else None,
        opens=_local(campaign.starts_at),
        ends=_local(campaign.ends_at),
        wares=wares,
    )


def _ware(sku: Sku, product: Product, price_fen: Fen) -> Ware:
    return Ware(
        title=f"{product.title} {sku.title}",
        price=to_yuan(price_fen),
        list_price=to_yuan(sku.list_price_fen),
    )


def _local(at: datetime) -> str:
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


def _render(shared: Shared) -> Response:
    page = render_template(
        "share.html",
        document=Document("share.html", shared.title, "", ""),
        documents=DOCUMENTS,
        here="",
        style=STYLE,
        shared=shared,
    )
    digest = base64.urlsafe_b64encode(hashlib.sha256(page.encode()).digest()[:18]).decode()
    is_known = request.if_none_match.contains_weak(digest)
    response = Response(status=304) if is_known else make_response(page)
    response.headers["ETag"] = f'"{digest}"'
    # Asked about each time, so that prices are right and looks are counted.
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Content-Security-Policy"] = POLICY
    return response
