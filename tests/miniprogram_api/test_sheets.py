"""Order sheets over HTTP: who may do what, and what everybody sees."""

from typing import Any
from uuid import uuid4

import pytest

from group_buy.sheets import jobs
from shop.orders import jobs as orders_jobs
from tests.miniprogram_api.hall import BAND, LASTS, Hall, code_of
from tests.miniprogram_api.world import World


@pytest.fixture
def hall(world: World) -> Hall:
    """Return a world with leaders in which nothing stays."""
    return Hall(world)


class TestOpen:
    """POST /v1/sheets."""

    def test_answers_with_the_sheet(self, hall: Hall) -> None:
        """Prices, deadline and minimum as they were sent, and the label for the leader alone."""
        sheet = hall.open(hall.leader(), minimum_fen=5000, note="周日发货", chat_group="三期群")
        assert (sheet["status"], sheet["minimum_fen"], sheet["missing_fen"]) == ("open", 5000, 5000)
        assert (sheet["note"], sheet["chat_group"]) == ("周日发货", "三期群")
        assert [item["price_fen"] for item in sheet["items"]] == [900]
        assert sheet["ends_at"] == (hall.world.now + LASTS).isoformat().replace("+00:00", "Z")

    def test_is_for_leaders_alone(self, hall: Hall) -> None:
        """403 for members, 401 for visitors."""
        answer = hall.world.member().post("/v1/sheets", hall.body(), key="k")
        assert code_of(answer) == (403, "members.not_a_leader")
        assert hall.world.visitor().post("/v1/sheets", hall.body(), key="k").status_code == 401

    def test_a36_the_same_key_is_one_sheet(self, hall: Hall) -> None:
        """The same answer again; another body under it is refused; none at all, too."""
        leader, body = hall.leader(), hall.body()
        first = leader.post("/v1/sheets", body, key="k")
        assert leader.post("/v1/sheets", body, key="k").data == first.data
        assert len(leader.get("/v1/sheets").get_json()["items"]) == 1
        other = leader.post("/v1/sheets", {**body, "title": "另一个"}, key="k")
        assert code_of(other) == (409, "idempotency_key_reused")
        assert code_of(leader.post("/v1/sheets", body)) == (422, "idempotency_key_required")

    @pytest.mark.parametrize(
        ("change", "refusal"),
        [
            ({"title": "\u202e"}, (422, "group_buy.bad_sheet")),
            ({"title": ""}, (422, "malformed")),
            ({"ends_at": "2026-11-20T13:00:00"}, (422, "malformed")),
            ({"ends_at": 1}, (422, "malformed")),
            ({"ends_at": "0001-01-01T00:00:00+23:59"}, (422, "group_buy.bad_sheet")),
            ({"ends_at": "9999-12-31T23:59:59-23:59"}, (422, "group_buy.bad_sheet")),
            ({"minimum_fen": -1}, (422, "malformed")),
            ({"minimum_fen": "5"}, (422, "malformed")),
            ({"items": []}, (422, "malformed")),
            ({"leader_id": str(uuid4())}, (422, "malformed")),
        ],
    )
    def test_refuses_nonsense(
        self, hall: Hall, change: dict[str, Any], refusal: tuple[int, str]
    ) -> None:
        """422, and no sheet."""
        leader = hall.leader()
        assert code_of(leader.post("/v1/sheets", hall.body(**change), key="k")) == refusal
        assert leader.get("/v1/sheets").get_json()["items"] == []

    def test_refuses_prices_outside_the_band_and_skus_of_others(self, hall: Hall) -> None:
        """409, with the band in the details."""
        leader = hall.leader()
        dear = hall.body((hall.world.make_sku(**BAND), 1201))
        answer = leader.post("/v1/sheets", dear, key="k")
        assert code_of(answer) == (409, "group_buy.price_outside_band")
        assert answer.get_json()["details"]["max_fen"] == 1200
        ordinary = hall.body((hall.world.make_sku(), 900))
        answer = leader.post("/v1/sheets", ordinary, key="l")
        assert code_of(answer) == (409, "group_buy.not_help_sold")


class TestSee:
    """GET /v1/sheets/{id}, open to all."""

    def test_shows_the_honest_total_and_the_numbered_list(self, hall: Hall) -> None:
        """Only what is paid counts; names are short, and whoever gave up has none."""
        sheet = hall.open(hall.leader(), minimum_fen=5000, chat_group="三期群")
        hall.bought(hall.person("阿花同学"), sheet, 2)
        hall.order(hall.person("大壮"), sheet)
        gone = hall.person("隐身人")
        hall.order(gone, sheet)
        assert gone.send("DELETE", f"/v1/sheets/{sheet['id']}/orders/mine").status_code == 204
        seen = hall.see(sheet)
        assert (seen["paid_fen"], seen["missing_fen"]) == (1800, 3200)
        assert (seen["entries_paid"], seen["entries_held"]) == (1, 1)
        assert seen["leader_name"] == "团**"
        assert [(e["number"], e["status"], e["name"]) for e in seen["entries"]] == [
            (1, "paid", "阿**"),
            (2, "held", "大**"),
            (3, "left", None),
        ]
        assert [line["quantity"] for e in seen["entries"] for line in e["lines"]] == [2, 1]
        assert seen["share"]["title"] == "周末点卡接龙，还差 32.00 元起送"

    def test_h124_tells_nothing_of_persons(self, hall: Hall) -> None:
        """No ids, no whole names, no label of the chat group."""
        leader, member = hall.leader("团长小王"), hall.person("阿花同学")
        sheet = hall.open(leader, chat_group="三期群")
        ordered = hall.bought(member, sheet)
        text = hall.world.visitor().get(f"/v1/sheets/{sheet['id']}").get_data(as_text=True)
        told = (leader.id, member.id, ordered["order"]["id"], ordered["order"]["order_no"])
        for secret in (*told, "阿花", "小王", "三期群"):
            assert secret not in text
        assert "阿**" in text

    def test_is_a_read_that_may_be_repeated(self, hall: Hall) -> None:
        """server_time, ETag, when to ask again; 304 until something changes."""
        sheet, visitor = hall.open(hall.leader()), hall.world.visitor()
        path = f"/v1/sheets/{sheet['id']}"
        first = visitor.get(path)
        assert first.get_json()["server_time"] == hall.world.now.isoformat().replace("+00:00", "Z")
        assert first.get_json()["poll_after_ms"] == 3000
        etag = {"If-None-Match": first.headers["ETag"]}
        assert visitor.get(path, headers=etag).status_code == 304
        hall.bought(hall.person(), sheet)
        assert visitor.get(path, headers=etag).status_code == 200

    def test_is_not_there(self, hall: Hall) -> None:
        """404."""
        answer = hall.world.visitor().get(f"/v1/sheets/{uuid4()}")
        assert code_of(answer) == (404, "group_buy.sheet_not_found")


class TestOrder:
    """POST /v1/sheets/{id}/orders, and what becomes of it."""

    def test_answers_with_the_entry_and_the_held_order(self, hall: Hall) -> None:
        """The number, the leader's price, and an order that waits."""
        sheet, person = hall.open(hall.leader()), hall.person()
        answer = hall.order(person, sheet, 2, key="k")
        body = answer.get_json()
        assert (answer.status_code, body["entry"]["number"]) == (201, 1)
        assert (body["order"]["total_fen"], body["order"]["is_held"]) == (1800, True)
        assert body["entry"]["order_id"] == body["order"]["id"]
        assert hall.order(person, sheet, 2, key="k").get_json() == body
        mine = person.get(f"/v1/sheets/{sheet['id']}/orders/mine").get_json()["items"]
        assert mine == [body["entry"]]
        others = hall.person().get(f"/v1/sheets/{sheet['id']}/orders/mine")
        assert others.get_json()["items"] == []

    def test_refuses_what_is_not_on_the_sheet_or_over(self, hall: Hall) -> None:
        """409 each; a visitor is told to sign in."""
        leader, person = hall.leader(), hall.person()
        sheet = hall.open(leader)
        path = f"/v1/sheets/{sheet['id']}/orders"
        lines = [{"sku_id": str(hall.world.make_sku(**BAND)), "quantity": 1}]
        answer = person.post(path, {"lines": lines}, key="a")
        assert code_of(answer) == (409, "orders.sku_not_for_sale")
        assert code_of(hall.order(person, sheet, 6)) == (409, "cards.out_of_stock")
        assert hall.order(hall.world.visitor(), sheet).status_code == 401
        hall.world.now += LASTS
        assert code_of(hall.order(person, sheet)) == (409, "group_buy.sheet_over")

    def test_is_delivered_when_its_leader_closes(self, hall: Hall) -> None:
        """From the order to the card."""
        leader, person = hall.leader(), hall.person()
        sheet = hall.open(leader, minimum_fen=900)
        ordered = hall.bought(person, sheet)
        path = f"/v1/orders/{ordered['order']['id']}"
        assert person.get(path).get_json()["status"] == "paid"
        answer = leader.post(f"/v1/sheets/{sheet['id']}/close")
        assert (answer.status_code, answer.get_json()["sheet"]["status"]) == (200, "confirmed")
        orders_jobs.fulfil_due_orders(hall.world.begin, now=hall.world.now)
        assert person.get(path).get_json()["status"] == "fulfilled"
        assert len(person.get("/v1/cards").get_json()["items"]) == 1
        assert hall.see(sheet)["poll_after_ms"] is None

    def test_is_repaid_at_the_deadline_below_the_minimum(self, hall: Hall) -> None:
        """The member sees why, and the sheet what it had."""
        leader, person = hall.leader(), hall.person()
        sheet = hall.open(leader, minimum_fen=901)
        ordered = hall.bought(person, sheet)
        hall.world.now += LASTS
        jobs.decide_due_sheets(hall.world.begin, now=hall.world.now)
        seen = hall.see(sheet)
        assert (seen["status"], seen["paid_fen"], seen["entries_paid"]) == ("failed", 900, 1)
        assert [entry["status"] for entry in seen["entries"]] == ["returned"]
        order = person.get(f"/v1/orders/{ordered['order']['id']}").get_json()
        assert order["status"] == "refunding"
        assert [(r["reason"], r["amount_fen"]) for r in order["refunds"]] == [("sheet_failed", 900)]


class TestLeave:
    """DELETE /v1/sheets/{id}/orders/mine."""

    def test_gives_ones_own_money_back_alone(self, hall: Hall) -> None:
        """204 once, then 404; nobody else's entry is touched."""
        sheet, person, other = hall.open(hall.leader()), hall.person(), hall.person()
        hall.bought(person, sheet)
        hall.bought(other, sheet)
        path = f"/v1/sheets/{sheet['id']}/orders/mine"
        assert hall.person().send("DELETE", path).status_code == 404
        assert person.send("DELETE", path).status_code == 204
        assert code_of(person.send("DELETE", path)) == (404, "group_buy.not_on_sheet")
        assert [entry["status"] for entry in hall.see(sheet)["entries"]] == ["left", "paid"]

    def test_is_over_when_decided(self, hall: Hall) -> None:
        """409."""
        leader, person = hall.leader(), hall.person()
        sheet = hall.open(leader)
        hall.bought(person, sheet)
        leader.post(f"/v1/sheets/{sheet['id']}/close")
        answer = person.send("DELETE", f"/v1/sheets/{sheet['id']}/orders/mine")
        assert code_of(answer) == (409, "group_buy.sheet_over")


class TestLeaders:
    """What only the sheet's own leader may do."""

    @pytest.mark.parametrize(
        ("method", "what"), [("POST", "close"), ("POST", "cancel"), ("GET", "export")]
    )
    def test_h121_nobody_else(self, hall: Hall, method: str, what: str) -> None:
        """Another leader and a member who ordered: 403; a visitor: 401; and nothing happens."""
        sheet, member = hall.open(hall.leader()), hall.person()
        hall.bought(member, sheet)
        path = f"/v1/sheets/{sheet['id']}/{what}"
        for person in (hall.leader(), member, hall.world.member()):
            assert code_of(person.send(method, path)) == (403, "group_buy.not_your_sheet")
        assert hall.world.visitor().send(method, path).status_code == 401
        assert hall.see(sheet)["status"] == "open"
        missing = hall.leader().send(method, f"/v1/sheets/{uuid4()}/{what}")
        assert code_of(missing) == (404, "group_buy.sheet_not_found")

    def test_lists_ones_own_newest_first(self, hall: Hall) -> None:
        """In pages; members who are no leaders have none."""
        leader, other = hall.leader(), hall.leader()
        first, second = hall.open(leader), hall.open(leader)
        hall.open(other)
        page = leader.get("/v1/sheets?limit=1").get_json()
        assert [sheet["id"] for sheet in page["items"]] == [second["id"]]
        rest = leader.get(f"/v1/sheets?limit=1&cursor={page['next_cursor']}").get_json()
        assert [sheet["id"] for sheet in rest["items"]] == [first["id"]]
        assert hall.world.member().get("/v1/sheets").get_json()["items"] == []
        assert hall.world.visitor().get("/v1/sheets").status_code == 401

    def test_closes_only_with_the_minimum_met(self, hall: Hall) -> None:
        """409 with what is missing."""
        leader = hall.leader()
        sheet = hall.open(leader, minimum_fen=1000)
        hall.bought(hall.person(), sheet)
        answer = leader.post(f"/v1/sheets/{sheet['id']}/close")
        assert code_of(answer) == (409, "group_buy.minimum_not_met")
        assert answer.get_json()["details"] == {"missing_fen": 100}

    def test_cancels_and_everybody_is_repaid(self, hall: Hall) -> None:
        """Once."""
        leader, person = hall.leader(), hall.person()
        sheet = hall.open(leader)
        ordered = hall.bought(person, sheet)
        answer = leader.post(f"/v1/sheets/{sheet['id']}/cancel")
        assert answer.get_json()["sheet"]["status"] == "cancelled"
        again = leader.post(f"/v1/sheets/{sheet['id']}/cancel")
        assert code_of(again) == (409, "group_buy.sheet_over")
        refunds = person.get(f"/v1/orders/{ordered['order']['id']}").get_json()["refunds"]
        assert [refund["amount_fen"] for refund in refunds] == [900]
