"""Things that belong to somebody, for the matrix of who may do what."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from app.sample_campaigns import CampaignSample, make_flash_sale, make_group_buy
from kit.ids import new_id, new_number
from kit.money import Fen
from shop.campaigns import jobs as campaigns
from shop.members import leaders
from shop.payments.gateway import Channel
from shop.withdrawals.models import Withdrawal, WithdrawalStatus
from tests.miniprogram_api.hall import Hall
from tests.miniprogram_api.world import Person, World

# The kinds of ids of things that belong to one member, and are nothing to others.
OWNED = ("order_id", "card_id", "product_id", "sale_id", "withdrawal_id", "message_id")
BODIES_OF_OWNED: dict[str, Any] = {
    "POST /v1/withdrawals": {"amount_fen": 100, "channel": "alipay"},
}


def own(world: World, owner: Person) -> dict[str, str]:
    """Return ids of things that belong to the person."""
    sku_id = world.make_sku(stock=5)
    order = world.bought(owner, sku_id)
    cards = owner.get("/v1/cards").get_json()["items"]
    product = owner.get("/v1/products").get_json()["items"][0]
    mine = {"order_id": order["id"], "card_id": cards[0]["id"], "product_id": product["id"]}
    invite = owner.post("/v1/invites", {}).get_json()["invite"]
    mine["invite_code"] = invite["code"]
    Hall(world).relay()
    mine["message_id"] = owner.get("/v1/inbox").get_json()["items"][0]["id"]
    mine["withdrawal_id"] = own_withdrawal(world, owner)
    return mine | own_group(world, owner) | own_sheet(world, owner) | own_wait(world, owner)


def own_group(world: World, owner: Person) -> dict[str, str]:
    """Return ids of a campaign and of a group of it that the person opened and paid in."""
    sample = CampaignSample(
        stock=9,
        limit=3,
        price_fen=Fen(900),
        seats=3,
        opens_in=timedelta(0),
        lasts=timedelta(hours=1),
        group_lasts=timedelta(hours=1),
        pay_within_seconds=900,
    )
    campaign = make_group_buy(world.begin, world.vault, sample, fee_basis_points=60, now=world.now)
    campaigns.turn_due_campaigns(world.begin, now=world.now)
    answer = owner.post(f"/v1/campaigns/{campaign.id}/groups", {}, key=uuid4().hex)
    assert answer.status_code == 201, answer.get_json()
    opened = answer.get_json()
    assert world.pay(owner, opened["order"]).status_code == 204
    Hall(world).relay()
    return {"campaign_id": str(campaign.id), "group_id": opened["group"]["id"]}


def own_wait(world: World, owner: Person) -> dict[str, str]:
    """Return the id of a flash sale that is sold out, and for which the person waits."""
    sample = CampaignSample(
        stock=1,
        limit=1,
        price_fen=Fen(900),
        opens_in=timedelta(minutes=-1),
        lasts=timedelta(hours=1),
        pay_within_seconds=900,
    )
    sale = make_flash_sale(world.begin, world.vault, sample, fee_basis_points=60, now=world.now)
    path = f"/v1/campaigns/{sale.id}"
    assert world.member().post(f"{path}/claims", {}, key=uuid4().hex).status_code == 201
    assert owner.post(f"{path}/waitlist").status_code == 201
    return {"sale_id": str(sale.id)}


def own_sheet(world: World, owner: Person) -> dict[str, str]:
    """Return the id of a sheet that the person, a leader now, opened and ordered from."""
    with world.begin() as session:
        leaders.approve_leader(session, UUID(owner.id), now=world.now)
    hall = Hall(world)
    sheet = hall.open(owner)
    hall.bought(owner, sheet)
    return {"sheet_id": sheet["id"]}


def own_withdrawal(world: World, owner: Person) -> str:
    """Return the id of a withdrawal that the person was paid."""
    paid = Withdrawal(
        id=new_id(),
        member_id=UUID(owner.id),
        requested_by_id=UUID(owner.id),
        channel=Channel.ALIPAY,
        app_id="app-1",
        merchant_id="merchant-1",
        out_bill_no=new_number("TW", now=world.now),
        status=WithdrawalStatus.PAID,
        amount_fen=Fen(100),
        fee_fen=Fen(0),
        requested_at=world.now,
        ended_at=world.now,
    )
    with world.begin() as session:
        session.add(paid)
    return str(paid.id)
