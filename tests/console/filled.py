"""A shop with one of everything that the console shows, and every page that leads to it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

from kit.ids import new_id
from kit.outbox import OutboxEvent
from shop.campaigns import jobs
from shop.cards.models import Batch, Card
from shop.catalog.models import Sku
from shop.operators.models import Operator, SavedView
from shop.orders import queries as orders
from shop.orders import refunding
from shop.payments.gateway import Channel
from shop.payments.models import Refund, RefundReason, RefundStatus
from shop.settlement.models import Difference, DifferenceKind, DifferenceStatus
from tests.console.office import Clerk, Office
from tests.console.test_campaigns import landed, publish

GROUP_BUY: Final = {
    "kind": "group_buy",
    "name": "三人团",
    "seats": "3",
    "lasts_hours": "24",
    "groups_per_member": "10",
    "seats_per_member": "1",
}
MOST_PER_PAGE: Final = 2  # of one endpoint: one campaign's page is like another's
LINK: Final = re.compile(r'(?:href|data-live)="(/console[^"#]*)"')


@dataclass(frozen=True)
class Filled:
    """The ids of what there is, by the names that routes give them."""

    ids: Mapping[str, str]

    def path(self, rule: str) -> str:
        """Return a rule's path inside the console; an id that is not known is one of nothing."""
        rule = rule.removeprefix("/console")
        return re.sub(
            r"<(?:[^:<>]+:)?([^<>]+)>", lambda one: self.ids.get(one[1], str(uuid4())), rule
        )


def fill(office: Office) -> Filled:
    """Put one of everything into the shop."""
    owner = office.clerk("owner")
    sale, group_buy = publish(office, owner), publish(office, owner, **GROUP_BUY)
    drafted = owner.post("/campaigns/new", do="draft", **office.flash_sale(owner, name="草稿"))
    ids = {"campaign_id": sale, "draft": landed(drafted), "group_buy": group_buy}
    office.world.now += timedelta(hours=1, minutes=1)
    jobs.turn_due_campaigns(office.world.begin, now=office.world.now)
    member = office.world.member()
    opened = member.post(f"/v1/campaigns/{group_buy}/groups", {}, key=uuid4().hex)
    assert opened.status_code == 201, opened.text
    told = office.world.bought(member, office.world.make_sku(), quantity=2)
    member.order(office.world.make_sku())
    with office.world.begin() as session:
        ids |= {"order_id": told["id"], "number": _stick(session, told["id"], office.world.now)}
        keeper = session.scalars(select(Operator).where(Operator.name == owner.name)).one()
        batch_id = session.scalars(select(Batch.id).order_by(Batch.id.desc()).limit(1)).one()
        card_id = session.scalars(select(Card.id).order_by(Card.id.desc()).limit(1)).one()
        rows = _rows(keeper.id, office.world.now)
        session.add_all(rows.values())
        ids |= {name: str(row.id) for name, row in rows.items()}
        ids |= {"batch_id": str(batch_id), "operator_id": str(keeper.id)}
        ids |= {"card_id": str(card_id)} | _wares(session)
    return Filled(ids)


def _wares(session: Session) -> dict[str, str]:
    """Return the ids of a SKU with cards and of its product."""
    sku = session.scalars(select(Sku).order_by(Sku.id.desc()).limit(1)).one()
    return {"sku_id": str(sku.id), "product_id": str(sku.product_id)}


def _stick(session: Session, order_id: str, now: datetime) -> str:
    """Have the order's refund wait for a person, and return its number."""
    order = orders.lock_order(session, UUID(order_id))
    made = refunding.refund_order(session, order, reason=RefundReason.MEMBER, now=now)
    session.flush()
    session.execute(
        update(Refund)
        .where(Refund.id == made[0].id)
        .values(status=RefundStatus.STUCK, due_at=None, last_error="NOTENOUGH")
    )
    return made[0].out_refund_no


def _rows(keeper_id: UUID, now: datetime) -> dict[str, Any]:
    """Return what is simply there, by the name of its id in routes."""
    return {
        "event_id": OutboxEvent(id=new_id(), name="x.happened", payload={}, emitted_at=now),
        "difference_id": Difference(
            id=new_id(),
            channel=Channel.ALIPAY,
            day=now.date(),
            kind=DifferenceKind.PAYMENT_AMOUNT,
            number="PA20261120X",
            detail={"theirs": 100},
            status=DifferenceStatus.OPEN,
            found_at=now,
        ),
        "view_id": SavedView(
            id=new_id(),
            operator_id=keeper_id,
            page="console_orders.list_all",
            name="共享",
            query="status=paid",
            is_shared=True,
            created_at=now,
        ),
    }


def pages(office: Office, clerk: Clerk, filled: Filled) -> Iterator[tuple[str, str]]:
    """Yield path and text of every page: those of the URL map, and those that links lead to."""
    rules = office.world.app.url_map
    waiting = [
        filled.path(rule.rule)
        for rule in rules.iter_rules()
        if rule.rule.startswith("/console") and "GET" in (rule.methods or set())
    ]
    waiting += [f"/campaigns/{filled.ids[one]}" for one in ("draft", "group_buy")]
    where, seen, found = rules.bind("localhost"), set(waiting), dict[str, int]()
    while waiting:
        path = waiting.pop(0)
        try:
            endpoint, _given = where.match(f"/console{path}".partition("?")[0], "GET")
        except (NotFound, MethodNotAllowed, RequestRedirect):
            continue
        found[endpoint] = found.get(endpoint, 0) + 1
        if found[endpoint] > MOST_PER_PAGE or endpoint == "console_assets.show":
            continue
        answer = clerk.get(path)
        assert answer.status_code < 500, (path, answer.text)
        if answer.status_code != 200 or answer.mimetype != "text/html":
            continue
        text = answer.get_data(as_text=True)
        yield path, text
        for link in LINK.findall(text.replace("&amp;", "&")):
            place = link.removeprefix("/console")
            if place not in seen:
                seen.add(place)
                waiting.append(place)
