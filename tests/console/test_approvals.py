"""Approvals in the console: asked for, decided by another, carried out once or honestly not."""

import re
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from kit.ids import new_id
from shop.approvals.models import Approval, ApprovalStatus
from shop.campaigns.models import Campaign, CampaignStatus
from shop.cards.models import BatchStatus
from shop.operators.models import Operator, OperatorAction, OperatorStatus
from shop.orders.models import Order, OrderStatus
from tests.console.markup import read
from tests.console.office import Clerk, Office
from tests.console.test_campaigns import actions, count, landed, status_of
from tests.console.test_pages import PAYLOADS
from tests.console.test_stock import codes, last_batch, send

S = ApprovalStatus


def approval_of(office: Office, approval_id: str) -> Approval:
    """Return a request for approval."""
    with office.world.begin() as session:
        return session.get_one(Approval, UUID(approval_id))


def order_of(office: Office, order_id: UUID) -> Order:
    """Return an order as it stands."""
    with office.world.begin() as session:
        return session.get_one(Order, order_id)


def ordered(office: Office, *, quantity: int = 1, price_fen: int = 60_000) -> UUID:
    """Return the id of an order that was paid and delivered."""
    sku_id = office.world.make_sku(price_fen=price_fen)
    return UUID(office.world.bought(office.world.member(), sku_id, quantity=quantity)["id"])


def asked(office: Office, clerk: Clerk, order_id: UUID, **fields: str) -> str:
    """Ask for a large refund and return the request's id."""
    path = f"/orders/{order_id}"
    given = {"version": clerk.version(path), "why": "买错了", **fields}
    answer = clerk.post(f"{path}/refund", **given)
    assert "/console/approvals/" in answer.headers.get("Location", ""), answer.text
    return landed(answer)


class TestRefund:
    def test_h133_a_large_one_is_sent_for_approval_and_made_once(self, office: Office) -> None:
        clerk, second = office.clerk("support"), office.clerk("finance")
        order_id = ordered(office)
        approval_id = asked(office, clerk, order_id)
        assert order_of(office, order_id).status is OrderStatus.FULFILLED
        assert "大额退款正在等待审批" in clerk.page(f"/orders/{order_id}")
        mine = clerk.page(f"/approvals/{approval_id}")
        assert "已提交审批，还没有执行" in mine
        assert "通过并执行" not in mine
        assert re.search(r'待我审批</div>.*?<a href="/console/approvals">1<', second.page(""))
        page = second.page(f"/approvals/{approval_id}")
        for words_of_it in ("买错了", "将退还", "¥600.00", clerk.name, "通过并执行"):
            assert words_of_it in page, words_of_it
        assert second.post(f"/approvals/{approval_id}/approve").status_code == 303
        assert second.post(f"/approvals/{approval_id}/approve").status_code == 409
        assert order_of(office, order_id).status is OrderStatus.REFUNDING
        assert actions(office) == [
            ("approvals.ask", clerk.name),
            ("orders.refund", second.name),
            ("approvals.approve", second.name),
        ]
        with office.world.begin() as session:
            deed = session.scalars(
                select(OperatorAction).where(OperatorAction.action == "orders.refund")
            ).one()
        assert deed.before == {"status": "fulfilled"}
        assert deed.after is not None
        assert list(deed.after["refunds"].values()) == [60_000]
        assert (deed.after["asked_by"], deed.after["approved_by"]) == (clerk.name, second.name)
        assert "已执行" in clerk.page("/approvals?shelf=mine")

    def test_many_small_ones_of_an_order_are_a_large_one(self, office: Office) -> None:
        clerk, order_id = office.clerk("support"), ordered(office, quantity=2, price_fen=30_000)
        asked(office, clerk, order_id)
        order_id = ordered(office, price_fen=49_999)
        path = f"/orders/{order_id}"
        given = {"version": clerk.version(path), "why": "x"}
        assert clerk.post(f"{path}/refund", **given).headers["Location"].endswith(path)

    def test_asking_twice_is_one_request(self, office: Office) -> None:
        clerk, other = office.clerk("support"), office.clerk("finance")
        order_id = ordered(office)
        approval_id = asked(office, clerk, order_id)
        assert asked(office, clerk, order_id) == approval_id
        path = f"/orders/{order_id}"
        given = {"version": other.version(path), "why": "x"}
        assert other.post(f"{path}/refund", **given).status_code == 409

    def test_what_changed_meanwhile_is_not_done_and_says_why(self, office: Office) -> None:
        member = office.world.member()
        sku_id = office.world.make_sku(price_fen=60_000)
        order_id = UUID(office.world.bought(member, sku_id, quantity=2)["id"])
        clerk, second = office.clerk("support"), office.clerk("finance")
        approval_id = asked(office, clerk, order_id)
        card = member.get("/v1/cards").get_json()["items"][0]
        assert member.post(f"/v1/cards/{card['id']}/reveal").status_code == 200
        page = second.page(f"/approvals/{approval_id}")
        assert "按现在的情况无法执行" in page
        assert "¥600.00" in page
        assert second.post(f"/approvals/{approval_id}/approve").status_code == 303
        assert approval_of(office, approval_id).status is S.FAILED
        assert order_of(office, order_id).status is OrderStatus.FULFILLED
        page = clerk.page(f"/approvals/{approval_id}")
        assert "审批通过，但没有执行" in page
        assert "申请之后情况已变化" in page
        assert [one for one, _ in actions(office)] == ["approvals.ask", "approvals.approve"]


class TestDeciding:
    def test_h133_nobody_decides_their_own_with_whatever_role(self, office: Office) -> None:
        clerk = office.clerk("support")
        approval_id = asked(office, clerk, ordered(office))
        path = f"/approvals/{approval_id}"
        assert clerk.post(f"{path}/approve").status_code == 403
        with office.world.begin() as session:
            session.execute(
                update(Operator).where(Operator.name == clerk.name).values(roles=["owner"])
            )
        for act in ("approve", "refuse"):
            answer = clerk.post(f"{path}/{act}", why="x")
            assert answer.status_code == 403
            assert "不能审批自己的申请" in answer.text
        owner = office.clerk("owner")
        own = asked(office, owner, ordered(office))
        assert owner.post(f"/approvals/{own}/approve").status_code == 403
        assert approval_of(office, own).status is S.WAITING

    def test_h133_a_right_that_came_after_the_request_decides_nothing(self, office: Office) -> None:
        clerk, late = office.clerk("support"), office.clerk("finance")
        approval_id = asked(office, clerk, ordered(office))
        with office.world.begin() as session:
            session.execute(
                update(Operator)
                .where(Operator.name == late.name)
                .values(entitled_at=office.world.now + timedelta(seconds=1))
            )
        assert "您的权限在申请之后才获得" in late.page(f"/approvals/{approval_id}")
        assert approval_id not in late.page("/approvals")
        assert late.post(f"/approvals/{approval_id}/approve").status_code == 403
        assert approval_of(office, approval_id).status is S.WAITING

    def test_takes_the_right_to_do_it_oneself(self, office: Office) -> None:
        approval_id = asked(office, office.clerk("support"), ordered(office))
        planner = office.clerk("planner")
        assert approval_id not in planner.page("/approvals")
        assert planner.post(f"/approvals/{approval_id}/approve").status_code == 403
        assert approval_of(office, approval_id).status is S.WAITING

    def test_refusing_says_why_and_changes_nothing(self, office: Office) -> None:
        clerk, second = office.clerk("support"), office.clerk("finance")
        order_id = ordered(office)
        path = f"/approvals/{asked(office, clerk, order_id)}"
        assert second.post(f"{path}/refuse", why="  ").status_code == 422
        assert second.post(f"{path}/refuse", why="没有凭证").status_code == 303
        assert "没有凭证" in clerk.page(path)
        assert second.post(f"{path}/approve").status_code == 409
        assert order_of(office, order_id).status is OrderStatus.FULFILLED

    def test_only_who_asked_withdraws(self, office: Office) -> None:
        clerk, second = office.clerk("support"), office.clerk("owner")
        path = f"/approvals/{asked(office, clerk, ordered(office))}"
        assert second.post(f"{path}/withdraw").status_code == 403
        assert clerk.post(f"{path}/withdraw").status_code == 303
        assert second.post(f"{path}/approve").status_code == 409
        assert "已撤回" in second.page("/approvals?shelf=over")

    def test_a_request_of_somebody_disabled_fails(self, office: Office) -> None:
        clerk, second = office.clerk("support"), office.clerk("finance")
        order_id = ordered(office)
        approval_id = asked(office, clerk, order_id)
        with office.world.begin() as session:
            session.execute(
                update(Operator)
                .where(Operator.name == clerk.name)
                .values(status=OperatorStatus.DISABLED)
            )
        assert second.post(f"/approvals/{approval_id}/approve").status_code == 303
        assert approval_of(office, approval_id).status is S.FAILED
        assert "申请人已停用" in second.page(f"/approvals/{approval_id}")
        assert order_of(office, order_id).status is OrderStatus.FULFILLED

    def test_nothing_is_decided_after_its_time(self, office: Office) -> None:
        clerk = office.clerk("support")
        approval_id = asked(office, clerk, ordered(office))
        office.world.now += timedelta(days=3)
        with office.world.begin() as session:  # the right is older, the session new
            session.execute(update(Operator).values(entitled_at=office.world.now - timedelta(9)))
        second = office.clerk("finance")
        assert approval_id not in second.page("/approvals")
        assert second.post(f"/approvals/{approval_id}/approve").status_code == 409


class TestPublishing:
    def test_h133_a_price_below_cost_needs_a_second_person(self, office: Office) -> None:
        first, second = office.clerk("planner"), office.clerk("planner")
        fields = office.flash_sale(first)  # its SKU costs more than it brings
        assert first.post("/campaigns/new", do="publish", **fields).status_code == 409
        assert count(office) == 0
        approval_id = landed(first.post("/campaigns/new", do="ask", why="拉新", **fields))
        draft = str(approval_of(office, approval_id).subject)
        assert status_of(office, draft) is CampaignStatus.DRAFT
        assert "拉新" in first.page(f"/campaigns/{draft}")
        assert first.post(f"/approvals/{approval_id}/approve").status_code == 403
        assert second.post(f"/approvals/{approval_id}/approve").status_code == 303
        assert status_of(office, draft) is CampaignStatus.SCHEDULED
        with office.world.begin() as session:
            campaign = session.get_one(Campaign, UUID(draft))
            assert (campaign.created_by, campaign.approved_by) == (first.name, second.name)
        assert actions(office) == [
            ("approvals.ask", first.name),
            ("campaigns.publish", second.name),
            ("approvals.approve", second.name),
        ]

    def test_h133_whoever_drafted_it_does_not_approve_either(self, office: Office) -> None:
        first, second = office.clerk("owner"), office.clerk("planner")
        draft = landed(first.post("/campaigns/new", do="draft", **office.flash_sale(first)))
        path = f"/campaigns/{draft}"
        version = second.version(path)
        assert second.post(f"{path}/publish", version=version, why=" ").status_code == 409
        approval_id = landed(second.post(f"{path}/publish", version=version, why="清仓"))
        assert f"/approvals/{approval_id}" not in first.page("/approvals")
        assert first.post(f"/approvals/{approval_id}/approve").status_code == 403
        assert status_of(office, draft) is CampaignStatus.DRAFT
        third = office.clerk("planner")
        assert f"/approvals/{approval_id}" in third.page("/approvals")
        assert third.post(f"/approvals/{approval_id}/approve").status_code == 303
        assert status_of(office, draft) is CampaignStatus.SCHEDULED


class TestUndo:
    def test_of_many_cards_is_sent_for_approval(self, office: Office) -> None:
        clerk, second = office.clerk("planner"), office.clerk("planner")
        sku_id = office.world.make_sku(stock=0)
        assert send(clerk, sku_id, "\n".join(codes(100)), do="import").status_code == 303
        path = f"/stock/batches/{last_batch(office).id}"
        assert "申请撤销" in clerk.page("/stock")
        assert clerk.post(f"{path}/undo").status_code == 422
        approval_id = landed(clerk.post(f"{path}/undo", why="品类错了"))
        assert "撤销待审批" in clerk.page("/stock")
        assert clerk.post(f"{path}/freeze").status_code == 303  # that stays at once
        assert re.search(r"将移除的卡</dt><dd>100<", second.page(f"/approvals/{approval_id}"))
        assert second.post(f"/approvals/{approval_id}/approve").status_code == 303
        assert last_batch(office).status is BatchStatus.UNDONE


class TestPages:
    def test_bad_addresses_and_hostile_words(self, office: Office) -> None:
        clerk, second = office.clerk("support"), office.clerk("owner")
        assert clerk.get(f"/approvals/{uuid4()}").status_code == 404
        assert clerk.get("/approvals/nonsense").status_code == 404
        assert clerk.get("/approvals?cursor=nonsense").status_code == 422
        assert clerk.get("/approvals?shelf=nonsense&kind=nonsense").status_code == 200
        for payload in PAYLOADS:
            path = f"/approvals/{asked(office, clerk, ordered(office), why=payload)}"
            for page in (path, "/approvals", "/approvals?shelf=waiting&kind=refund"):
                found = read(second.page(page))
                assert found.dangers == [], page
                assert any(payload in text for text in found.texts), page
            assert second.post(f"{path}/refuse", why=payload * 40).status_code == 303
            assert read(clerk.page(path)).dangers == []
            assert clerk.post(f"{path}/withdraw", csrf=clerk.csrf()).status_code == 409

    def test_lists_go_on(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("console.approvals.PAGE", 2)
        clerk = office.clerk("support")
        ids = [asked(office, clerk, ordered(office)) for _ in range(3)]
        first = clerk.page("/approvals?shelf=mine")
        assert ids[2] in first
        assert ids[0] not in first
        rest = re.search(r'href="/console(/approvals\?[^"]*cursor=[^"]+)"', first)
        assert rest is not None
        assert ids[0] in clerk.page(rest[1].replace("&amp;", "&"))

    def test_an_empty_list_says_what_comes_here(self, office: Office) -> None:
        assert "您不审批申请" in office.clerk("support").page("/approvals")
        assert "您还没有申请" in office.clerk("owner").page("/approvals?shelf=mine")
        assert new_id().hex not in office.clerk("auditor").page("/approvals?shelf=over")
