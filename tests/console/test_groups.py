"""Groups and order sheets in the console: lists, seats, completion by two persons, refunds."""

from datetime import timedelta
from uuid import UUID

from group_buy import jobs
from group_buy.models import Group, GroupStatus
from group_buy.sheets import service as sheets
from group_buy.sheets.rules import Offer, SheetPlan
from kit.ids import new_id
from kit.money import Fen
from shop.catalog.models import Sku
from tests.console.office import Office
from tests.console.people import hear, leader, open_group
from tests.console.test_campaigns import actions


def find(office: Office, group_id: str) -> Group:
    """Return the group as it stands."""
    with office.world.begin() as session:
        return session.get_one(Group, UUID(group_id))


class TestGroups:
    def test_lists_are_narrowed_by_their_address(self, office: Office) -> None:
        group_id, _buyer = open_group(office)
        clerk = office.clerk("support")
        campaign_id = find(office, group_id).campaign_id
        for query in ("", "?status=open", f"?campaign={campaign_id}&status=open", "?soon=yes"):
            assert group_id in clerk.page(f"/groups{query}"), query
        for query in ("?status=failed", f"?campaign={new_id()}", "?status=formed&campaign=x"):
            assert group_id not in clerk.page(f"/groups{query}"), query
        assert clerk.get("/groups?cursor=x").status_code == 422

    def test_one_group_tells_who_pays_until_when(self, office: Office) -> None:
        group_id, buyer = open_group(office)
        late = office.world.member()
        answer = late.post(f"/v1/groups/{group_id}/seats", {}, key="a-key-of-this-test-0001")
        assert answer.status_code == 201
        page = office.clerk("support").page(f"/groups/{group_id}")
        for words in (buyer.id, late.id, "1 / 3", "已付款", "待付款", "1 号席位"):
            assert words in page, words
        assert answer.get_json()["order"]["order_no"] in page

    def test_a_failed_one_tells_what_goes_back(self, office: Office) -> None:
        group_id, _buyer = open_group(office)
        office.world.now += timedelta(hours=24, minutes=1)
        jobs.decide_due_groups(office.world.begin, now=office.world.now)
        clerk = office.clerk("support")
        assert find(office, group_id).status is GroupStatus.FAILED
        page = clerk.page(f"/groups/{group_id}")
        for words in ("未成团", "1 笔，已退回 ¥0.00 / ¥9.90", "待发送"):
            assert words in page, words


class TestCompletion:
    def test_takes_two_persons(self, office: Office) -> None:
        group_id, _buyer = open_group(office)
        first, second = office.clerk("owner"), office.clerk("support")
        path = f"/groups/{group_id}"
        before = first.version(path)
        assert first.post(f"{path}/complete", version=before, why=" ").status_code == 422
        assert first.post(f"{path}/complete", version=before, why="首团").status_code == 303
        assert first.post(f"{path}/complete", version=before, why="首团").status_code == 409
        assert "需要另一位操作员批准" in first.page(path)
        version = second.version(path)
        assert first.post(f"{path}/approve", version=version).status_code == 409
        assert find(office, group_id).status is GroupStatus.OPEN
        assert "补位待批准" in second.page("/groups")
        assert second.post(f"{path}/approve", version=version).status_code == 303
        found = find(office, group_id)
        assert (found.status, found.house_seats) == (GroupStatus.FORMED, 2)
        done = [one for one in actions(office) if one[0].startswith("groups.")]
        assert done == [("groups.complete", first.name), ("groups.approve", second.name)]

    def test_of_a_group_that_is_over_is_refused(self, office: Office) -> None:
        group_id, _buyer = open_group(office)
        clerk = office.clerk("owner")
        path = f"/groups/{group_id}"
        version = clerk.version(path)
        office.world.now += timedelta(hours=25)
        clerk = office.clerk("owner")
        answer = clerk.post(f"{path}/complete", version=version, why="x")
        assert answer.status_code == 409
        assert clerk.get(f"/groups/{new_id()}").status_code == 404


class TestSheets:
    def test_one_sheet_tells_its_list(self, office: Office) -> None:
        world, opener = office.world, leader(office)
        sku_id = world.make_sku()
        with world.begin() as session:
            sku = session.get_one(Sku, sku_id)
            sku.help_sell_min_fen, sku.help_sell_max_fen = Fen(800), Fen(1200)
        plan = SheetPlan(
            title="周末接龙",
            ends_at=world.now + timedelta(hours=2),
            minimum_fen=Fen(100),
            offers=[Offer(sku_id, Fen(900))],
            note="<b>自提</b>",
        )
        with world.begin() as session:
            sheet_id = sheets.open_sheet(session, UUID(opener.id), plan, now=world.now).id
        buyer = world.member()
        body = {"lines": [{"sku_id": str(sku_id), "quantity": 1}]}
        answer = buyer.post(f"/v1/sheets/{sheet_id}/orders", body, key="a-key-of-this-test-0002")
        assert answer.status_code == 201, answer.get_json()
        assert world.pay(buyer, answer.get_json()["order"]).status_code == 204
        hear(office)
        clerk = office.clerk("planner")
        page = clerk.page(f"/sheets/{sheet_id}")
        for words in ("¥9.00 / ¥1.00", "（¥8.00–¥12.00）", "&lt;b&gt;自提", "已付款"):
            assert words in page, words
        for query in (
            "",
            "?status=open",
            f"?leader={opener.id}",
            f"?leader={opener.id}&status=open",
        ):
            assert "周末接龙" in clerk.page(f"/sheets{query}"), query
        for query in ("?status=failed", f"?leader={new_id()}"):
            assert "周末接龙" not in clerk.page(f"/sheets{query}"), query
        assert clerk.get(f"/sheets/{new_id()}").status_code == 404
        assert clerk.get("/sheets?cursor=x").status_code == 422
