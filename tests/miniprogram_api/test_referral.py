"""Inviting, being invited, and a leader's statement, over HTTP."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from app.reactions import REACTIONS
from app.sample_campaigns import CampaignSample, make_flash_sale
from kit.money import Fen
from kit.outbox import relay
from shop.campaigns.models import Campaign
from shop.members import leaders
from shop.members.platforms import Platform
from shop.referral import jobs, service
from shop.referral.models import Touch
from tests.miniprogram_api.world import Person, World

NOTHING = {f"{name}_fen": 0 for name in ("pending", "payable", "withdrawing", "paid", "debt")}


def leader(world: World) -> Person:
    """Return somebody who is a leader and earns a tenth of everything."""
    person = world.member()
    with world.begin() as session:
        leaders.approve_leader(session, UUID(person.id), now=world.now)
        service.add_rule(
            session, basis_points=1000, holds_days=7, starts_at=world.now, actor="op", now=world.now
        )
    return person


def invite_of(person: Person, **body: Any) -> dict[str, Any]:
    """Return the person's invite."""
    answer = person.post("/v1/invites", body)
    assert answer.status_code == 201, answer.get_json()
    made: dict[str, Any] = answer.get_json()["invite"]
    return made


def hear(world: World) -> None:
    """Bring the news to whoever acts on it."""
    while relay(world.begin, REACTIONS, now=world.now):
        pass


def touches(world: World) -> int:
    """Count what was written down."""
    with world.begin() as session:
        return session.scalar(select(func.count()).select_from(Touch)) or 0


def sale(world: World) -> Campaign:
    """Return a published flash sale of one SKU at 900 fen."""
    sample = CampaignSample(
        stock=3,
        limit=1,
        price_fen=Fen(900),
        opens_in=timedelta(minutes=-1),
        lasts=timedelta(hours=1),
        pay_within_seconds=900,
    )
    return make_flash_sale(world.begin, world.vault, sample, fee_basis_points=60, now=world.now)


class TestInvites:
    """POST /v1/invites and …/open, and the code that comes with a sign-in."""

    def test_the_same_code_again_and_a_page_to_share(self, world: World) -> None:
        """Whatever the number of wishes."""
        person = world.member()
        first = invite_of(person)
        assert first == invite_of(person)
        assert world.visitor().get(first["share_path"]).status_code == 200
        assert first["previews"] == []

    def test_a_leader_sees_what_they_would_earn_before_sharing(self, world: World) -> None:
        """Others see nothing of it."""
        campaign = sale(world)
        told = invite_of(leader(world), campaign_id=str(campaign.id))
        assert [row["unit_fen"] for row in told["previews"]] == [90]
        assert invite_of(world.member(), campaign_id=str(campaign.id))["previews"] == []

    def test_a_campaign_that_is_not_there(self, world: World) -> None:
        """404."""
        answer = world.member().post("/v1/invites", {"campaign_id": str(uuid4())})
        assert (answer.status_code, answer.get_json()["code"]) == (404, "campaigns.not_found")

    def test_a_sign_in_with_a_code_binds(self, world: World) -> None:
        """In capitals or not."""
        code = invite_of(world.member())["code"].lower()
        assert sign_in(world, code).status_code == 200
        assert touches(world) == 1

    @pytest.mark.parametrize("code", ["0000000000", "nonsense"])
    def test_a_code_that_leads_nowhere_keeps_nobody_out(self, world: World, code: str) -> None:
        """They are signed in all the same."""
        assert sign_in(world, code).status_code == 200
        assert touches(world) == 0

    def test_opening_an_unknown_one(self, world: World) -> None:
        """404, whatever its form."""
        for code in ("0000000000", "%00", "x" * 200):
            answer = world.member().post(f"/v1/invites/{code}/open")
            assert (answer.status_code, answer.get_json()["code"]) == (
                404,
                "referral.invite_not_found",
            )


class TestStanding:
    """GET /v1/leader and GET /v1/earnings."""

    def test_an_ordinary_members_invites_are_counted(self, world: World) -> None:
        """And earn nothing; what others paid is not told to them."""
        person, buyer = world.member(), world.member()
        invite = invite_of(person)
        world.visitor().get(invite["share_path"])
        assert buyer.post(f"/v1/invites/{invite['code']}/open").status_code == 204
        world.bought(buyer, world.make_sku())
        hear(world)
        read = person.get("/v1/leader").get_json()
        assert (read["is_leader"], read["sums"]) == (False, NOTHING)
        assert read["funnels"] == [
            {
                "campaign_id": None,
                "campaign_name": None,
                "chat_group_id": None,
                "chat_group_name": None,
                "views": 1,
                "members": 1,
                "paid_orders": 1,
                "paid_fen": None,
                "refunded_orders": 0,
                "refunded_fen": None,
            }
        ]
        assert person.get("/v1/earnings").get_json()["items"] == []

    def test_the_statement_adds_up(self, world: World) -> None:
        """Every page of it together is the sums; it tells nothing of who bought."""
        person = leader(world)
        code = invite_of(person)["code"]
        buyers = [world.member() for _ in range(3)]
        for buyer in buyers:
            buyer.post(f"/v1/invites/{code}/open")
            order = world.bought(buyer, world.make_sku(price_fen=700))
        buyers[-1].post(f"/v1/orders/{order['id']}/refunds", {}, key=uuid4().hex)
        hear(world)
        world.now += timedelta(days=7)
        jobs.mature_due_commissions(world.begin, now=world.now)
        lines, cursor, read = [], "", {}
        while cursor is not None:
            path = f"/v1/earnings?limit=2{f'&cursor={cursor}' if cursor else ''}"
            read = person.get(path).get_json()
            lines += read["items"]
            cursor = read["next_cursor"]
        assert read["sums"] == {name: sum(line[name] for line in lines) for name in NOTHING}
        assert read["sums"]["payable_fen"] == 140
        assert not any(buyer.id in str(lines) for buyer in buyers)
        funnel = person.get("/v1/leader").get_json()["funnels"][0]
        assert (funnel["paid_orders"], funnel["refunded_orders"], funnel["refunded_fen"]) == (
            3,
            1,
            700,
        )

    def test_l187_an_export_holds_it_and_nothing_of_the_others(self, world: World) -> None:
        """Codes, touches and the statement; no id of who was brought or who brought."""
        person, buyer = leader(world), world.member()
        code = invite_of(person)["code"]
        buyer.post(f"/v1/invites/{code}/open")
        world.bought(buyer, world.make_sku())
        hear(world)
        mine = person.post("/v1/me/export").get_json()["data"]
        theirs = buyer.post("/v1/me/export").get_json()["data"]
        assert [invite["code"] for invite in mine["invites"]] == [code]
        assert [entry["pending_fen"] for entry in mine["earnings"]] == [100]
        assert [opened["code"] for opened in theirs["invites_opened"]] == [code]
        assert buyer.id not in str(mine)
        assert person.id not in str(theirs)

    def test_nobody_sees_anothers(self, world: World) -> None:
        """Both are the caller's own, by the token alone."""
        person, buyer = leader(world), world.member()
        buyer.post(f"/v1/invites/{invite_of(person)['code']}/open")
        world.bought(buyer, world.make_sku())
        hear(world)
        assert person.get("/v1/earnings").get_json()["sums"]["pending_fen"] == 100
        for path in ("/v1/earnings", "/v1/leader"):
            assert buyer.get(path).get_json()["sums"] == NOTHING


def sign_in(world: World, invite_code: str) -> Any:
    """Sign in as somebody new who came by an invite."""
    return world.visitor().post(
        "/v1/sign-in",
        {
            "platform": Platform.WECHAT.value,
            "code": f"open-{uuid4().hex}:{uuid4().hex}",
            "invite_code": invite_code,
        },
    )


class TestApplying:
    """POST /v1/leader/application, and what operators answer."""

    def test_a_member_applies_is_declined_and_approved(self, world: World) -> None:
        """They see each answer; who is a leader does not apply."""
        person = world.member()
        path, me = "/v1/leader/application", UUID(person.id)
        for _ in range(2):
            assert person.post(path).status_code == 204
        assert person.get("/v1/leader").get_json()["applied_at"] is not None
        with world.begin() as session:
            assert [one.id for one in leaders.list_applicants(session)] == [me]
            leaders.decline_leader(session, me, why="请先完成一单")
        told = person.get("/v1/leader").get_json()
        assert (told["applied_at"], told["declined_why"]) == (None, "请先完成一单")
        with pytest.raises(leaders.NotApplied), world.begin() as session:
            leaders.decline_leader(session, me, why="again")
        assert person.post(path).status_code == 204
        with world.begin() as session:
            leaders.approve_leader(session, me, now=world.now)
            assert leaders.list_applicants(session) == []
        told = person.get("/v1/leader").get_json()
        assert (told["is_leader"], told["applied_at"], told["declined_why"]) == (True, None, None)
        assert person.post(path).get_json()["code"] == "members.leader_already"
