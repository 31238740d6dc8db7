"""Campaigns in the console: planned from empty, published once, paused, copied, stopped."""

import re
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from werkzeug.test import TestResponse

from kit.crypto import new_token
from shop.campaigns import jobs
from shop.campaigns.models import Campaign, CampaignStatus
from shop.catalog.models import Sku
from shop.operators.models import Operator, OperatorAction
from tests.console.office import Clerk, Office, hidden

S = CampaignStatus
BAD_INPUT = (
    ("name", ""),
    ("name", "x" * 81),
    ("sku_id", "nonsense"),
    ("deal_price", "-1"),
    ("deal_price", "1.234"),
    ("deal_price", "九块九"),
    ("deal_price", "99999999999"),
    ("allotment", "0"),
    ("allotment", "1e3"),
    ("allotment", "٣"),
    ("allotment", "9" * 4000),
    ("limit_per_member", "101"),
    ("starts_at", "yesterday"),
    ("starts_at", "9999-12-31T23:59"),
    ("ends_at", "2026-11-20T12:00"),
    ("warms_at", "2027-01-01T00:00"),
    ("audience", "everybody"),
    ("mode", "auction"),
    ("shards", "17"),
    ("kind", "raffle"),
)


def cheap_sku(office: Office) -> str:
    """Return a SKU that costs little, so that no second person is needed."""
    sku_id = office.world.make_sku(stock=20, price_fen=2000)
    with office.world.begin() as session:
        session.get_one(Sku, sku_id).cost_fen = 500  # type: ignore[assignment] # fen in a test
    return str(sku_id)


def publish(office: Office, clerk: Clerk, **changes: str) -> str:
    """Publish a flash sale and return its id."""
    changes.setdefault("sku_id", cheap_sku(office))
    answer = clerk.post("/campaigns/new", do="publish", **office.flash_sale(clerk, **changes))
    return landed(answer)


def landed(answer: TestResponse) -> str:
    """Return the id of the campaign that a form led to."""
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.headers["Location"].rsplit("/", 1)[-1]


def status_of(office: Office, campaign_id: str) -> CampaignStatus:
    """Return how the campaign stands."""
    with office.world.begin() as session:
        return session.get_one(Campaign, UUID(campaign_id)).status


def actions(office: Office) -> list[tuple[str, str]]:
    """Return what was done, oldest first, without what signing in writes."""
    with office.world.begin() as session:
        rows = session.execute(
            select(OperatorAction.action, OperatorAction.actor).order_by(OperatorAction.id)
        )
        return [(action, actor) for action, actor in rows]


def count(office: Office) -> int:
    """Count the campaigns."""
    with office.world.begin() as session:
        return session.scalar(select(func.count()).select_from(Campaign)) or 0


class TestPlanning:
    def test_a_check_leaves_nothing(self, office: Office) -> None:
        clerk = office.clerk("planner")
        fields = office.flash_sale(clerk, sku_id=cheap_sku(office), allotment="21")
        answer = clerk.post("/campaigns/new", do="check", **fields)
        text = answer.get_data(as_text=True)
        assert answer.status_code == 200
        assert "可用卡密不足" in text
        assert "21 / 20" in text
        assert 'value="周五秒杀"' in text
        assert count(office) == 0
        assert actions(office) == []

    def test_both_ways_of_selling_are_published(self, office: Office) -> None:
        clerk = office.clerk("planner")
        sale = publish(office, clerk)
        groups = publish(
            office,
            clerk,
            kind="group_buy",
            name="三人团",
            seats="3",
            lasts_hours="24",
            ladder="3:9.90\n5：8.80",
            groups_per_member="10",
            seats_per_member="1",
        )
        assert status_of(office, sale) is S.SCHEDULED
        assert status_of(office, groups) is S.SCHEDULED
        assert "满 5 人 ¥8.80" in clerk.page(f"/campaigns/{groups}")
        assert [one for one, _ in actions(office)] == ["campaigns.publish"] * 2
        listed = clerk.page("/campaigns?status=scheduled&kind=group_buy&q=三人")
        assert groups in listed
        assert sale not in listed

    def test_a_double_click_makes_one(self, office: Office) -> None:
        clerk = office.clerk("planner")
        fields = office.flash_sale(clerk, sku_id=cheap_sku(office))
        first = clerk.post("/campaigns/new", do="publish", **fields)
        second = clerk.post("/campaigns/new", do="publish", **fields)
        assert landed(first) == landed(second)
        assert count(office) == 1

    def test_bad_input_is_told_at_its_field_and_nothing_is_lost(self, office: Office) -> None:
        clerk = office.clerk("planner")
        usual = office.flash_sale(clerk, rules_text="别丢了我", csrf=clerk.csrf())
        for name, value in BAD_INPUT:
            answer = clerk.post("/campaigns/new", do="publish", **usual | {name: value})
            text = answer.get_data(as_text=True)
            assert answer.status_code == 422, (name, value)
            assert "is-invalid" in text or name == "kind", (name, value)
            assert "别丢了我" in text
        assert count(office) == 0

    def test_what_the_shop_refuses_is_shown_beside_what_was_typed(self, office: Office) -> None:
        clerk = office.clerk("planner")
        fields = office.flash_sale(clerk, mode="lottery", limit_per_member="2")
        answer = clerk.post("/campaigns/new", do="draft", **fields)
        assert answer.status_code == 422
        assert "a lottery gives one unit to each" in answer.get_data(as_text=True)
        assert 'value="周五秒杀"' in answer.get_data(as_text=True)


class TestActions:
    def test_pausing_resuming_and_what_is_written_down(self, office: Office) -> None:
        clerk = office.clerk("planner")
        campaign_id = publish(office, clerk)
        office.world.now += timedelta(hours=1, minutes=1)
        jobs.turn_due_campaigns(office.world.begin, now=office.world.now)
        clerk = office.clerk("planner")
        path = f"/campaigns/{campaign_id}"
        version = clerk.version(path)
        answer = clerk.post(f"{path}/pause", version=version, why="补货中")
        assert answer.status_code == 303
        assert status_of(office, campaign_id) is S.PAUSED
        assert "补货中" in clerk.page(path)
        assert clerk.post(f"{path}/resume", version=clerk.version(path)).status_code == 303
        assert status_of(office, campaign_id) is S.LIVE
        with office.world.begin() as session:
            deed = session.scalars(
                select(OperatorAction).where(OperatorAction.action == "campaigns.pause")
            ).one()
        assert deed.before is not None
        assert deed.after is not None
        assert (deed.before["status"], deed.after["status"]) == ("live", "paused")
        assert (deed.actor, deed.subject) == (clerk_name(office, deed), campaign_id)
        assert deed.request_id

    def test_a_stale_form_changes_nothing_and_keeps_what_was_typed(self, office: Office) -> None:
        first, second = office.clerk("planner"), office.clerk("planner")
        campaign_id = publish(office, first)
        office.world.now += timedelta(hours=1, minutes=1)
        jobs.turn_due_campaigns(office.world.begin, now=office.world.now)
        first, second = office.clerk("planner"), office.clerk("planner")
        path = f"/campaigns/{campaign_id}"
        seen = first.version(path)
        assert second.post(f"{path}/pause", version=seen, why="先暂停").status_code == 303
        before = len(actions(office))
        answer = first.post(f"{path}/pause", version=seen, why="我写的原因")
        text = answer.get_data(as_text=True)
        assert answer.status_code == 409
        assert "我写的原因" in text
        assert "已暂停" in text
        assert len(actions(office)) == before
        assert hidden(text, "version") == first.version(path)

    def test_a_refusal_undoes_its_line_in_the_log(self, office: Office) -> None:
        clerk = office.clerk("planner")
        campaign_id = publish(office, clerk)
        path = f"/campaigns/{campaign_id}"
        before = len(actions(office))
        answer = clerk.post(f"{path}/resume", version=clerk.version(path))
        assert answer.status_code == 409
        assert "当前状态不支持此操作" in answer.get_data(as_text=True)
        assert len(actions(office)) == before

    def test_cancelling_gives_the_codes_back(self, office: Office) -> None:
        clerk = office.clerk("planner")
        sku_id = cheap_sku(office)
        campaign_id = publish(office, clerk, sku_id=sku_id)
        assert "可用 10" in clerk.page("/campaigns/new")
        path = f"/campaigns/{campaign_id}"
        assert clerk.post(f"{path}/cancel", version=clerk.version(path)).status_code == 303
        assert status_of(office, campaign_id) is S.CANCELLED
        assert "可用 20" in clerk.page("/campaigns/new")

    def test_copying_makes_one_draft(self, office: Office) -> None:
        clerk = office.clerk("planner")
        campaign_id = publish(office, clerk)
        fields = {"starts_at": "2026-11-25T20:00", "name": "再来一场", "form_key": new_token()}
        path = f"/campaigns/{campaign_id}/copy"
        copied = landed(clerk.post(path, **fields))
        assert landed(clerk.post(path, **fields)) == copied
        assert status_of(office, copied) is S.DRAFT
        page = clerk.page(f"/campaigns/{copied}")
        assert "再来一场" in page
        assert "2026-11-25 20:00:00" in page
        assert "2026-11-25 22:00:00" in page
        assert count(office) == 2

    def test_stopping_all_and_lifting_it(self, office: Office) -> None:
        clerk = office.clerk("support")
        assert clerk.post("/campaigns/stop-all", why="").status_code == 422
        assert clerk.post("/campaigns/stop-all", why="价格有误").status_code == 303
        assert "价格有误" in clerk.page("")
        assert clerk.post("/campaigns/stop-all", why="again").status_code == 409
        planner = office.clerk("planner")
        seen = hidden(planner.page("/campaigns"), "stop_id")
        assert clerk.post("/campaigns/lift-stop", stop_id=seen).status_code == 403
        assert planner.post("/campaigns/lift-stop", stop_id=seen).status_code == 303
        assert [one for one, _ in actions(office)] == [
            "campaigns.stop_all",
            "campaigns.lift_stop",
        ]

    def test_only_the_stop_that_was_seen_is_lifted(self, office: Office) -> None:
        planner = office.clerk("planner")
        planner.post("/campaigns/stop-all", why="first")
        seen = hidden(planner.page("/campaigns"), "stop_id")
        assert planner.post("/campaigns/lift-stop", stop_id=seen).status_code == 303
        assert planner.post("/campaigns/lift-stop", stop_id=seen).status_code == 409  # none is on
        planner.post("/campaigns/stop-all", why="second")
        for stop_id in (seen, "", "x"):
            assert planner.post("/campaigns/lift-stop", stop_id=stop_id).status_code == 409
        assert "second" in planner.page("/campaigns")


class TestLiveRoom:
    def test_the_snapshot_costs_nothing_while_nothing_changes(self, office: Office) -> None:
        clerk = office.clerk("planner")
        path = f"/campaigns/{publish(office, clerk)}/live"
        assert re.search(r"共 10 份", clerk.page(path))
        first = clerk.get(f"{path}/snapshot")
        assert first.headers["Cache-Control"] == "private, no-cache"
        etag = first.headers["ETag"]
        again = clerk.get(f"{path}/snapshot", headers={"If-None-Match": etag})
        assert (again.status_code, again.data) == (304, b"")

    def test_groups_have_a_room_too(self, office: Office) -> None:
        clerk = office.clerk("planner")
        groups = publish(office, clerk, kind="group_buy", seats="3", lasts_hours="1",
                         groups_per_member="1", seats_per_member="1")  # fmt: skip
        assert "拼团中" in clerk.page(f"/campaigns/{groups}/live")


def clerk_name(office: Office, deed: OperatorAction) -> str:
    """Return the name of the operator whose id the deed bears."""

    assert deed.operator_id is not None
    with office.world.begin() as session:
        return session.get_one(Operator, deed.operator_id).name
