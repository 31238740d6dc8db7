"""SKUs in the console: made and changed by one person, and at a loss by two."""

import re
from typing import Any

import pytest

from shop.approvals.models import ApprovalStatus
from shop.catalog.models import RefundRule, Sku
from tests.console.markup import read
from tests.console.office import Office, hidden
from tests.console.payloads import PAYLOADS
from tests.console.shelf import Shelf, error_of
from tests.console.test_campaigns import actions, landed, publish

S = ApprovalStatus
BAD_INPUT = (
    ("sku_code", ""),
    ("sku_code", "a b"),
    ("sku_code", "x" * 41),
    ("sku_code", "编码"),
    ("title", ""),
    ("title", "x" * 81),
    ("face_value", "0"),
    ("face_value", ""),
    ("list_price", "-1"),
    ("list_price", "1.234"),
    ("list_price", "九块九"),
    ("list_price", "1e3"),
    ("list_price", "٣"),
    ("list_price", "100000000.01"),
    ("cost", "-0.01"),
    ("cost", ""),
    ("limit_per_order", "0"),
    ("limit_per_order", "101"),
    ("limit_per_day", "0"),
    ("limit_ever", "9" * 150),
    ("warranty_days", "3651"),
    ("help_sell_min", "21"),
    ("help_sell_max", "21"),
)


@pytest.fixture
def shelf(office: Office) -> Shelf:
    """Return a planner in front of an empty catalogue."""
    return Shelf(office)


class TestMaking:
    def test_says_everything_that_is_promised(self, shelf: Shelf) -> None:
        sku = shelf.sku(
            shelf.add_sku(
                cost="0",
                limit_per_day="2",
                limit_ever="5",
                refund_rule="never",
                warranty_days="0",
                help_sell_min="22",
                help_sell_max="26.5",
                on_sale=["alipay"],
            )
        )
        assert (sku.face_value_fen, sku.list_price_fen, sku.cost_fen) == (3000, 2590, 0)
        assert (sku.limit_per_order, sku.limit_per_day, sku.limit_ever) == (10, 2, 5)
        assert (sku.refund_rule, sku.warranty_days) == (RefundRule.NEVER, 0)
        assert (sku.help_sell_min_fen, sku.help_sell_max_fen) == (2200, 2650)
        assert [name for name, is_on in sku.on_sale.items() if is_on] == ["alipay"]

    @pytest.mark.parametrize(("name", "value"), BAD_INPUT)
    def test_what_makes_no_sense_is_said_at_the_field_and_kept(
        self, shelf: Shelf, name: str, value: str
    ) -> None:
        path = f"/products/{shelf.add_product()}/skus/new"
        fields = shelf.sku_fields(**{name: value})
        answer = shelf.clerk.post(path, **fields)
        assert answer.status_code == 422
        wrong = {"help_sell_min": "help_sell_max", "help_sell_max": "help_sell_min"}.get(name, name)
        assert error_of(answer.text, wrong)
        page = read(answer.text)
        assert page.dangers == []
        for one in ("sku_code", "title", "list_price", "cost"):
            assert fields[one] in page.texts, one
        assert answer.text.count('name="on_sale" value="h5" checked') == 0
        assert answer.text.count(" checked") == 3

    def test_a_band_below_cost_or_upside_down_is_refused(self, shelf: Shelf) -> None:
        path = f"/products/{shelf.add_product()}/skus/new"
        for lowest, highest, wrong in (("19.99", "25", "min"), ("26", "25", "max")):
            fields = shelf.sku_fields(help_sell_min=lowest, help_sell_max=highest)
            answer = shelf.clerk.post(path, **fields)
            assert error_of(answer.text, f"help_sell_{wrong}"), lowest

    def test_a_code_that_is_taken_is_said_at_the_field(self, shelf: Shelf) -> None:
        product_id = shelf.add_product()
        shelf.add_sku(product_id, sku_code="QH-30")
        fields = shelf.sku_fields(sku_code="QH-30", title="另一个")
        answer = shelf.clerk.post(f"/products/{product_id}/skus/new", **fields)
        assert answer.status_code == 409
        assert "已被其他规格使用" in error_of(answer.text, "sku_code")
        assert "另一个" in answer.text

    def test_a_double_click_makes_one(self, shelf: Shelf) -> None:
        path, fields = f"/products/{shelf.add_product()}/skus/new", shelf.sku_fields()
        assert landed(shelf.clerk.post(path, **fields)) == landed(shelf.clerk.post(path, **fields))

    def test_of_a_product_that_is_not_there_is_not_made(self, shelf: Shelf) -> None:
        sku_id = shelf.add_sku()
        answer = shelf.clerk.post(f"/products/{sku_id}/skus/new", **shelf.sku_fields())
        assert answer.status_code == 404


class TestChanging:
    def test_is_at_once_and_written_down_and_orders_keep_their_price(self, shelf: Shelf) -> None:
        product_id = shelf.add_product()
        sku_id = shelf.add_sku(product_id, stock=2)
        path = f"/products/{product_id}"
        shelf.clerk.post(f"{path}/publish", version=shelf.clerk.version(path))
        order = shelf.world.member().order(sku_id)
        assert shelf.change(sku_id, list_price="27", limit_per_day="1").status_code == 303
        sku = shelf.sku(sku_id)
        assert (sku.list_price_fen, sku.limit_per_day, sku.face_value_fen) == (2700, 1, 3000)
        deed = shelf.deed("catalog.change_sku")
        assert deed.before is not None
        assert deed.after is not None
        assert (deed.before["list_price_fen"], deed.after["list_price_fen"]) == (2590, 2700)
        assert order["total_fen"] == 2590
        assert shelf.world.member().order(sku_id)["total_fen"] == 2700

    def test_a_face_value_with_cards_behind_it_stays(self, shelf: Shelf) -> None:
        sku_id = shelf.add_sku()
        assert 'name="face_value"' in shelf.clerk.page(f"/skus/{sku_id}")
        assert shelf.change(sku_id, face_value="40").status_code == 303
        assert shelf.sku(sku_id).face_value_fen == 4000
        shelf.stock(sku_id, 1)
        assert 'name="face_value"' not in shelf.clerk.page(f"/skus/{sku_id}")
        answer = shelf.change(sku_id, face_value="50", title="仍在")
        assert answer.status_code == 409
        assert "不能修改面值" in answer.text
        assert "仍在" in answer.text
        assert shelf.sku(sku_id).face_value_fen == 4000
        assert shelf.change(sku_id, face_value="40", title="同值").status_code == 303

    def test_a_code_and_a_kind_are_no_fields_of_it(self, shelf: Shelf) -> None:
        sku_id = shelf.add_sku(sku_code="QH-30")
        assert shelf.change(sku_id, sku_code="OTHER", kind="bundle").status_code == 303
        assert (shelf.sku(sku_id).code, shelf.sku(sku_id).kind.value) == ("QH-30", "card_code")

    def test_of_two_at_once_the_second_is_told_and_loses_nothing(self, shelf: Shelf) -> None:
        sku_id = shelf.add_sku()
        seen = shelf.clerk.version(f"/skus/{sku_id}")
        assert (
            shelf.change(sku_id, by=shelf.office.clerk("owner"), list_price="28").status_code == 303
        )
        answer = shelf.change(sku_id, version=seen, list_price="26", title="我的")
        assert answer.status_code == 409
        for words in ("有人刚刚改过这个规格", 'value="26"', "我的", "¥28.00"):
            assert words in answer.text, words
        assert shelf.sku(sku_id).list_price_fen == 2800
        again = hidden(answer.text, "version")
        assert shelf.change(sku_id, version=again, list_price="26").status_code == 303
        assert shelf.sku(sku_id).list_price_fen == 2600

    def test_its_page_names_the_campaigns_that_sell_it(self, shelf: Shelf) -> None:
        sku_id = shelf.add_sku(stock=20, cost="5")
        product_id = shelf.sku(sku_id).product_id
        path = f"/products/{product_id}"
        shelf.clerk.post(f"{path}/publish", version=shelf.clerk.version(path))
        publish(shelf.office, shelf.clerk, sku_id=sku_id, name="周五秒杀")
        assert shelf.change(sku_id, cost="15").status_code == 303
        for page in (shelf.clerk.page(f"/skus/{sku_id}"), shelf.clerk.page(path)):
            assert re.search(r"周五秒杀</span><span>¥9\.90 <span[^>]*>亏损", page)
        assert "有 1 个活动正在销售它" in shelf.clerk.page(path)


class TestSecondPerson:
    def test_h133_a_price_below_cost_is_asked_for_and_made_by_another(self, shelf: Shelf) -> None:
        sku_id, second = shelf.add_sku(stock=7), shelf.office.clerk("owner")
        for do, why in (("save", "x"), ("ask", " "), ("save", "")):
            answer = shelf.change(sku_id, list_price="18", title="清仓款", do=do, why=why)
            assert answer.status_code == 409
            assert "每件亏损 ¥2.10" in answer.text
            assert 'value="清仓款"' in answer.text
            assert "提交审批" in answer.text
        approval_id = shelf.ask(sku_id, list_price="18", title="清仓款")
        assert shelf.sku(sku_id).list_price_fen == 2590
        assert "正在等待审批" in shelf.clerk.page(f"/skus/{sku_id}")
        path = f"/approvals/{approval_id}"
        assert shelf.clerk.post(f"{path}/approve").status_code == 403
        page = second.page(path)
        for words in ("清仓", "¥25.90", "¥18.00", "¥2.10", "现有可售卡密", "<dd>7</dd>", sku_id):
            assert words in page, words
        assert second.post(f"{path}/approve").status_code == 303
        sku = shelf.sku(sku_id)
        assert (sku.list_price_fen, sku.title) == (1800, "清仓款")
        deed = shelf.deed("catalog.change_sku")
        assert deed.after is not None
        names = (deed.actor, deed.after["asked_by"], deed.after["approved_by"])
        assert names == (second.name, shelf.clerk.name, second.name)
        assert second.post(f"{path}/approve").status_code == 409

    @pytest.mark.parametrize("changes", [{"cost": "26"}, {"cost": "19.99"}])
    def test_h133_a_cost_above_the_price_or_below_itself_needs_two(
        self, shelf: Shelf, changes: dict[str, str]
    ) -> None:
        sku_id = shelf.add_sku(stock=1)
        assert shelf.change(sku_id, **changes).status_code == 409
        approval_id = shelf.ask(sku_id, **changes)
        before = shelf.sku(sku_id).cost_fen
        assert before == 2000
        shelf.office.clerk("planner").post(f"/approvals/{approval_id}/approve")
        assert shelf.approval(approval_id).status is S.CARRIED_OUT
        assert shelf.sku(sku_id).cost_fen != before

    def test_h133_a_new_one_at_a_loss_is_there_once_another_says_so(self, shelf: Shelf) -> None:
        product_id, second = shelf.add_product(), shelf.office.clerk("planner")
        path = f"/products/{product_id}/skus/new"
        fields = shelf.sku_fields(list_price="20", sku_code="LOSS")
        assert shelf.clerk.post(path, **fields).status_code == 409
        approval_id = landed(shelf.clerk.post(path, **fields, do="ask", why="引流"))
        request = f"/approvals/{approval_id}"
        with shelf.world.begin() as session:
            assert session.query(Sku).count() == 0
        assert request in shelf.clerk.page(f"/products/{product_id}")
        assert request not in shelf.clerk.page(f"/products/{shelf.add_product()}")
        page = second.page(request)
        for words in ("引流", "LOSS", "¥20.00", f"/console/products/{product_id}"):
            assert words in page, words
        assert shelf.clerk.post(f"{request}/approve").status_code == 403
        assert second.post(f"{request}/approve").status_code == 303
        sku_id = shelf.approval(approval_id).subject
        assert (shelf.sku(sku_id).code, shelf.sku(sku_id).list_price_fen) == ("LOSS", 2000)
        assert f"/console/skus/{sku_id}" in second.page(f"/products/{product_id}")

    def test_a_code_that_was_taken_meanwhile_fails_and_says_why(self, shelf: Shelf) -> None:
        product_id, second = shelf.add_product(), shelf.office.clerk("planner")
        path = f"/products/{product_id}/skus/new"
        fields = shelf.sku_fields(list_price="20", sku_code="LOSS")
        approval_id = landed(shelf.clerk.post(path, **fields, do="ask", why="引流"))
        shelf.add_sku(product_id, sku_code="LOSS")
        assert "已被使用" in second.page(f"/approvals/{approval_id}")
        second.post(f"/approvals/{approval_id}/approve")
        assert shelf.approval(approval_id).status is S.FAILED

    def test_what_changed_meanwhile_is_not_done(self, shelf: Shelf) -> None:
        sku_id, second = shelf.add_sku(stock=1), shelf.office.clerk("planner")
        approval_id = shelf.ask(sku_id, list_price="18")
        assert shelf.change(sku_id, cost="21").status_code == 303
        path = f"/approvals/{approval_id}"
        assert "按现在的情况无法执行" in second.page(path)
        second.post(f"{path}/approve")
        assert shelf.approval(approval_id).status is S.FAILED
        assert shelf.sku(sku_id).list_price_fen == 2590
        approval_id = shelf.ask(sku_id, list_price="18")
        assert shelf.change(sku_id, list_price="24").status_code == 303
        second.post(f"/approvals/{approval_id}/approve")
        assert shelf.approval(approval_id).status is S.FAILED
        assert "¥24.00" in second.page(f"/approvals/{approval_id}")

    def test_what_nobody_asked_to_change_stays_as_it_is_by_then(self, shelf: Shelf) -> None:
        sku_id, second = shelf.add_sku(stock=1), shelf.office.clerk("planner")
        approval_id = shelf.ask(sku_id, list_price="18")
        assert shelf.change(sku_id, title="改名", warranty_days="90").status_code == 303
        second.post(f"/approvals/{approval_id}/approve")
        sku = shelf.sku(sku_id)
        assert (sku.list_price_fen, sku.title, sku.warranty_days) == (1800, "改名", 90)

    def test_one_request_waits_for_a_sku_at_a_time(self, shelf: Shelf) -> None:
        sku_id = shelf.add_sku()
        approval_id = shelf.ask(sku_id, list_price="18")
        assert shelf.ask(sku_id, list_price="18") == approval_id
        answer = shelf.change(sku_id, list_price="17", do="ask", why="再低")
        assert answer.status_code == 409
        assert "相同的申请正在等待审批" in answer.text
        assert 'value="17"' in answer.text

    def test_takes_the_right_to_change_it_oneself(self, shelf: Shelf) -> None:
        approval_id = shelf.ask(shelf.add_sku(), list_price="18")
        finance = shelf.office.clerk("finance")
        assert approval_id not in finance.page("/approvals")
        assert finance.post(f"/approvals/{approval_id}/approve").status_code == 403
        assert [one for one, _ in actions(shelf.office)][-1] == "approvals.ask"

    def test_h130_hostile_words_are_shown_as_text(self, shelf: Shelf) -> None:
        sku_id, second = shelf.add_sku(), shelf.office.clerk("planner")
        for payload in PAYLOADS[::9]:
            changes: dict[str, Any] = {"list_price": "18", "title": payload[:80], "why": payload}
            approval_id = shelf.ask(sku_id, **changes)
            for path in (f"/approvals/{approval_id}", f"/skus/{sku_id}", "/approvals"):
                page = read(second.page(path))
                assert page.dangers == [], (path, payload)
                assert any(payload.strip() in text for text in page.texts), (path, payload)
            assert second.post(f"/approvals/{approval_id}/refuse", why="x").status_code == 303
