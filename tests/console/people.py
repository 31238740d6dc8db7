"""Leaders, their earnings and groups for the pages about people, by services over the world."""

from datetime import timedelta
from uuid import UUID, uuid4

from app.reactions import REACTIONS
from kit.money import Fen
from kit.outbox import relay
from shop.campaigns import jobs as campaign_jobs
from shop.members import leaders
from shop.payments.gateway import Channel
from shop.referral import jobs, service
from shop.withdrawals import service as withdrawals
from shop.withdrawals.models import Withdrawal
from shop.withdrawals.rules import WithdrawalTerms
from tests.console.office import Office
from tests.console.test_campaigns import publish
from tests.miniprogram_api.world import Person

REVIEWED = WithdrawalTerms(
    minimum_fen=Fen(1),
    maximum_fen=Fen(100_000),
    daily_fen=Fen(1_000_000),
    fee_basis_points=100,
    review_from_fen=Fen(200),
)


def hear(office: Office) -> None:
    """Bring every waiting event to its handlers."""
    while relay(office.world.begin, REACTIONS, now=office.world.now):
        pass


def leader(office: Office) -> Person:
    """Return a member who is a leader."""
    person = office.world.member()
    with office.world.begin() as session:
        leaders.approve_leader(session, UUID(person.id), now=office.world.now)
    return person


def earning_leader(office: Office, *, price_fen: int = 5000) -> Person:
    """Return a leader to whom a tenth of one order is payable."""
    world, earner = office.world, leader(office)
    with world.begin() as session:
        service.add_rule(
            session, basis_points=1000, holds_days=0, starts_at=world.now, actor="op", now=world.now
        )
        code = service.give_invite(session, UUID(earner.id), campaign_id=None, now=world.now).code
    buyer = world.member()
    with world.begin() as session:
        service.open_invite(session, code, member_id=UUID(buyer.id), now=world.now)
    world.bought(buyer, world.make_sku(price_fen=price_fen))
    hear(office)
    world.now += timedelta(seconds=1)
    jobs.mature_due_commissions(world.begin, now=world.now)
    return earner


def asked(office: Office, earner: Person, fen: int = 300) -> Withdrawal:
    """Return a withdrawal of the leader; from 200 fen on it waits for an operator."""
    world = office.world
    with world.begin() as session:
        return withdrawals.request(
            session,
            world.transfers[Channel.WECHAT_PAY],
            member_id=UUID(earner.id),
            amount_fen=Fen(fen),
            terms=REVIEWED,
            now=world.now,
        )


def open_group(office: Office, *, seats: int = 3) -> tuple[str, Person]:
    """Return a group of which one seat is paid, and whose seat it is."""
    world = office.world
    planner = office.clerk("planner")
    terms = {
        "kind": "group_buy",
        "seats": str(seats),
        "lasts_hours": "24",
        "groups_per_member": "10",
        "seats_per_member": "1",
    }
    campaign_id = publish(office, planner, **terms)
    world.now += timedelta(hours=1, minutes=1)
    campaign_jobs.turn_due_campaigns(world.begin, now=world.now)
    buyer = world.member()
    answer = buyer.post(f"/v1/campaigns/{campaign_id}/groups", {}, key=uuid4().hex)
    assert answer.status_code == 201, answer.get_json()
    told = answer.get_json()
    assert world.pay(buyer, told["order"]).status_code == 204
    hear(office)
    return told["group"]["id"], buyer
