"""Group-buys of the journeys: campaigns made to measure, and what members do in their groups."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import requests

from app.samples import make_sku
from group_buy.rules import TermsPlan
from group_buy.service import plan_group_buy, schedule_group_buy
from kit.clock import utc_now
from kit.money import Fen
from shop.campaigns import queries as campaigns
from shop.campaigns.models import Audience
from shop.campaigns.rules import Window
from shop.campaigns.service import ItemPlan, Plan
from tests.journeys.auditor import begin_of, vault_of
from tests.journeys.people import Json, Person, confirm, eventually
from tests.running_shop import RunningShop

PRICE_FEN: Final = 1500
LIST_PRICE_FEN: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a campaign of a test shall be like; seconds count from now."""

    stock: int = 12
    opens_in: float = 0
    warms_in: float | None = None
    lasts: float = 300
    limit: int = 10
    pay_within: int = 60
    audience: Audience = Audience.ALL
    seats: int = 3
    group_lasts: int = 60
    more: dict[str, Any] = field(default_factory=dict)  # of the terms


@dataclass(frozen=True, slots=True)
class Deal:
    """A published campaign of one SKU."""

    shop: RunningShop
    id: str
    sku_id: str

    def see(self, **headers: str) -> requests.Response:
        """Look at the campaign as anybody may."""
        return self.shop.request("GET", f"/v1/campaigns/{self.id}", headers=headers)

    def await_status(self, *statuses: str, within_seconds: float = 20) -> Json:
        """Return the campaign once it has one of the statuses."""

        def look() -> Json | None:
            seen: Json = self.see().json()
            return seen if seen["status"] in statuses else None

        found = eventually(look, within_seconds=within_seconds, what=f"campaign is {statuses}")
        return found or {}

    def edges(self) -> list[tuple[str, datetime, datetime]]:
        """Return the edges that were passed, in order: name, when due, when passed."""
        with begin_of(self.shop) as begin, begin() as session:
            passed = campaigns.list_edges(session, UUID(self.id))
            return [(str(edge.edge.value), edge.due_at, edge.passed_at) for edge in passed]


def new_deal(shop: RunningShop, **wanted: Any) -> Deal:
    """Publish a campaign with fresh codes, and wait until it is live when it opens at once."""
    names = Wanted.__dataclass_fields__
    terms = {name: value for name, value in wanted.items() if name not in names}
    given = Wanted(**{name: value for name, value in wanted.items() if name in names}, more=terms)
    deal = _publish(shop, given)
    if given.opens_in <= 0 and "scheduler" in shop.children:
        deal.await_status("live", "ended", "settled", "paused")
    return deal


def open_group(person: Person, deal: Deal, **body: Any) -> Json:
    """Open a group; return `{group, seat, order}`."""
    answer = try_open(person, deal, **body)
    assert answer.status_code == 201, answer.text
    joined: Json = answer.json()
    return joined


def try_open(person: Person, deal: Deal, **body: Any) -> requests.Response:
    """Try to open a group."""
    answer: requests.Response = person.ask("POST", f"/campaigns/{deal.id}/groups", body)
    return answer


def join(person: Person, group: Json, **body: Any) -> Json:
    """Take a seat; return `{group, seat, order}`."""
    answer = try_join(person, group, **body)
    assert answer.status_code == 201, answer.text
    joined: Json = answer.json()
    return joined


def try_join(person: Person, group: Json, *, key: str | None = None, **body: Any) -> Any:
    """Try to take a seat."""
    return person.ask("POST", f"/groups/{group['id']}/seats", body, key=key)


def leave(person: Person, group: Json) -> requests.Response:
    """Give the own seats up."""
    answer: requests.Response = person.ask("DELETE", f"/groups/{group['id']}/seats/mine")
    return answer


def see_group(shop: RunningShop, group: Json, **headers: str) -> requests.Response:
    """Look at a group as anybody may."""
    return shop.request("GET", f"/v1/groups/{group['id']}", headers=headers)


def await_group(shop: RunningShop, group: Json, **wanted: Any) -> Json:
    """Return the group once everything that is wanted of it is so."""

    def look() -> Json | None:
        seen: Json = see_group(shop, group).json()
        return seen if all(seen[name] == value for name, value in wanted.items()) else None

    return eventually(look, what=f"group is {wanted}") or {}


def paid_group(deal: Deal, *people: Person, **body: Any) -> tuple[Json, list[Json]]:
    """Let the first open a group and the others join; all pay. Return the group, their orders."""
    opened = open_group(people[0], deal, **body)
    group, orders = opened["group"], [opened["order"]]
    people[0].pay(orders[0])
    for person in people[1:]:
        orders.append(join(person, group, **body)["order"])
        person.pay(orders[-1])
    return group, orders


def pay_late(person: Person, params: Json) -> None:
    """Confirm at a cashier that is still open though the shop has closed the order."""
    answer = confirm(person.shop, person.channel, params)
    assert answer.status_code == 200, answer.text


def people_of(shop: RunningShop, count: int) -> list[Person]:
    """Return members of both platforms in turn."""
    return [Person(shop, ("wechat", "alipay")[number % 2]) for number in range(count)]


def refusal(answer: Any) -> tuple[int, str]:
    """Return the status and the stable code of an answer that is no good one."""
    return answer.status_code, answer.json().get("code", "")


def _publish(shop: RunningShop, wanted: Wanted) -> Deal:
    now = utc_now()
    starts_at = now + timedelta(seconds=wanted.opens_in)
    warms_in = wanted.warms_in
    warms_at = None if warms_in is None else now + timedelta(seconds=warms_in)
    terms = TermsPlan(
        seats_required=wanted.seats, lasts=timedelta(seconds=wanted.group_lasts), **wanted.more
    )
    with begin_of(shop) as begin:
        sku = make_sku(
            begin, vault_of(shop), stock=wanted.stock, price_fen=Fen(LIST_PRICE_FEN), now=now
        )
        plan = Plan(
            name="同城拼团",
            window=Window(starts_at, starts_at + timedelta(seconds=wanted.lasts), warms_at),
            items=[ItemPlan(sku.id, Fen(PRICE_FEN), wanted.stock)],
            limit_per_member=wanted.limit,
            pay_within_seconds=wanted.pay_within,
            audience=wanted.audience,
            rules_text="人满成团,不满退款。",
        )
        with begin() as session:
            campaign = plan_group_buy(session, plan, terms, actor="test", now=now)
            schedule_group_buy(
                session,
                campaign,
                fee_basis_points=60,
                actor="test",
                approved_by="other",
                now=now,
            )
        return Deal(shop, str(campaign.id), str(sku.id))
