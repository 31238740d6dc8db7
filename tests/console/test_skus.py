"""SKUs in the console: made and changed by one person; what makes no sense, what came too late."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest

from shop.campaigns import jobs
from shop.catalog.models import RefundRule
from tests.console.filled import GROUP_BUY
from tests.console.markup import read
from tests.console.office import Office, hidden
from tests.console.shelf import Shelf, error_of
from tests.console.test_campaigns import landed, publish

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

    def test_a_group_of_what_was_withdrawn_is_not_opened(self, shelf: Shelf) -> None:
        sku_id = shelf.add_sku(stock=20, cost="5", list_price="20")
        path = f"/products/{shelf.sku(sku_id).product_id}"
        shelf.clerk.post(f"{path}/publish", version=shelf.clerk.version(path))
        campaign_id = publish(shelf.office, shelf.clerk, **{**GROUP_BUY, "sku_id": sku_id})
        shelf.world.now += timedelta(hours=1, minutes=1)
        jobs.turn_due_campaigns(shelf.world.begin, now=shelf.world.now)
        clerk = shelf.office.clerk("planner")
        assert clerk.post(f"{path}/withdraw", version=clerk.version(path)).status_code == 303
        where = f"/v1/campaigns/{campaign_id}/groups"
        answer = shelf.world.member().post(where, {}, key=uuid4().hex)
        assert answer.get_json()["code"] == "orders.sku_not_for_sale"
