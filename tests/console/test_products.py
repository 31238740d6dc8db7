"""Products in the console: made from empty, changed, shown and hidden, found, acted on at once."""

import re

import pytest
from sqlalchemy import func, select

from kit.crypto import new_token
from shop.catalog.models import Product, ProductStatus, Scenario
from tests.console.markup import read
from tests.console.office import Office, hidden, with_query
from tests.console.payloads import ALL, PAYLOADS
from tests.console.shelf import Shelf, error_of
from tests.console.test_campaigns import actions, landed

BAD_INPUT = (
    ("title", ""),
    ("title", "x" * 81),
    ("brand", " "),
    ("brand", "x" * 41),
    ("pictures", "http://img.example/1.png"),
    ("pictures", "javascript:alert(1)"),
    ("pictures", "https://图.example/1.png"),
    ("pictures", "https://" + "x" * 300),
    ("pictures", "https://img.example/1.png\n" * 10),
    ("purchase_notes", "x" * 2001),
)


@pytest.fixture
def shelf(office: Office) -> Shelf:
    """Return a planner in front of an empty catalogue."""
    return Shelf(office)


def count(shelf: Shelf) -> int:
    """Count the products."""
    with shelf.world.begin() as session:
        return session.scalar(select(func.count()).select_from(Product)) or 0


def tabs(page: str) -> list[int]:
    """Return the counts of the tabs, in their order."""
    return [int(one) for one in re.findall(r'class="badge bg-secondary-lt ms-1">(\d+)<', page)]


class TestMaking:
    def test_from_empty_to_what_members_see(self, shelf: Shelf) -> None:
        assert "没有符合条件的商品" in shelf.clerk.page("/products")
        product_id = shelf.add_product()
        product = shelf.product(product_id)
        assert product.status is ProductStatus.DRAFT
        assert product.pictures == ["https://img.example/1.png", "https://img.example/2.png"]
        path = f"/v1/products/{product_id}"
        visitor = shelf.world.visitor()
        assert visitor.get(path).status_code == 404
        refused = shelf.clerk.post(
            f"/products/{product_id}/publish",
            version=shelf.clerk.version(f"/products/{product_id}"),
        )
        assert refused.status_code == 409
        assert "请先添加规格再上架" in refused.text
        shelf.add_sku(product_id, stock=2)
        version = shelf.clerk.version(f"/products/{product_id}")
        assert (
            shelf.clerk.post(f"/products/{product_id}/publish", version=version).status_code == 303
        )
        seen = visitor.get(path).get_json()
        assert (seen["title"], seen["from_price_fen"]) == ("影音月卡", 2590)
        assert [one for one, _ in actions(shelf.office)] == [
            "catalog.add_product",
            "catalog.add_sku",
            "catalog.publish",
        ]
        version = shelf.clerk.version(f"/products/{product_id}")
        assert (
            shelf.clerk.post(f"/products/{product_id}/withdraw", version=version).status_code == 303
        )
        assert visitor.get(path).status_code == 404
        deed = shelf.deed("catalog.withdraw")
        assert deed.before is not None
        assert deed.after is not None
        assert (deed.before["status"], deed.after["status"]) == ("published", "withdrawn")

    @pytest.mark.parametrize(("name", "value"), BAD_INPUT)
    def test_what_makes_no_sense_is_said_at_the_field_and_kept(
        self, shelf: Shelf, name: str, value: str
    ) -> None:
        answer = shelf.clerk.post("/products/new", **shelf.product_fields(**{name: value}))
        assert answer.status_code == 422
        assert error_of(answer.text, name)
        page = read(answer.text)
        assert page.dangers == []
        for kept in ("影音月卡", "青禾", "仅限本人使用"):
            assert kept in page.texts or name in ("title", "brand", "purchase_notes")
        assert (count(shelf), actions(shelf.office)) == (0, [])

    def test_a_scenario_that_is_none_is_refused(self, shelf: Shelf) -> None:
        answer = shelf.clerk.post("/products/new", **shelf.product_fields(scenario="poetry"))
        assert answer.status_code == 422
        assert "请选择一项" in answer.text

    def test_a_double_click_makes_one(self, shelf: Shelf) -> None:
        fields = shelf.product_fields()
        first, second = (shelf.clerk.post("/products/new", **fields) for _ in range(2))
        assert landed(first) == landed(second)
        assert count(shelf) == 1


class TestChanging:
    def test_is_written_down_and_orders_keep_what_was_promised(self, shelf: Shelf) -> None:
        product_id = shelf.add_product()
        sku_id = shelf.add_sku(product_id, stock=2)
        path = f"/products/{product_id}"
        shelf.clerk.post(f"{path}/publish", version=shelf.clerk.version(path))
        member = shelf.world.member()
        bought = shelf.world.bought(member, sku_id)
        fields = shelf.product_fields(title="影音季卡", purchase_notes="每户一张", scenario="home")
        version = shelf.clerk.version(path)
        assert shelf.clerk.post(f"{path}/change", version=version, **fields).status_code == 303
        product = shelf.product(product_id)
        assert (product.title, product.scenario) == ("影音季卡", Scenario.HOME)
        deed = shelf.deed("catalog.change_product")
        assert deed.before is not None
        assert deed.after is not None
        assert (deed.before["title"], deed.after["title"]) == ("影音月卡", "影音季卡")
        line = member.get(f"/v1/orders/{bought['id']}").get_json()["lines"][0]
        assert line["product_title"] == "影音月卡"

    def test_of_two_at_once_the_second_is_told_and_loses_nothing(self, shelf: Shelf) -> None:
        product_id = shelf.add_product()
        path = f"/products/{product_id}"
        other = shelf.office.clerk("owner")
        seen = shelf.clerk.version(path)
        theirs = shelf.product_fields(title="他们的名称")
        assert other.post(f"{path}/change", version=seen, **theirs).status_code == 303
        mine = shelf.product_fields(title="我写的名称", purchase_notes="我写的须知")
        answer = shelf.clerk.post(f"{path}/change", version=seen, **mine)
        assert answer.status_code == 409
        assert shelf.product(product_id).title == "他们的名称"
        for words in ("有人刚刚改过这个商品", "我写的名称", "我写的须知", "他们的名称"):
            assert words in answer.text, words
        again = hidden(answer.text, "version")
        assert shelf.clerk.post(f"{path}/change", version=again, **mine).status_code == 303
        assert shelf.product(product_id).title == "我写的名称"
        assert shelf.clerk.post(f"{path}/publish", version=seen).status_code == 409

    def test_who_may_only_look_has_no_form(self, shelf: Shelf) -> None:
        product_id = shelf.add_product()
        sku_id = shelf.add_sku(product_id)
        for role in ("support", "finance", "auditor"):
            clerk = shelf.office.clerk(role)
            for path in (f"/products/{product_id}", f"/skus/{sku_id}"):
                page = clerk.page(path)
                assert "影音月卡" in page
                assert "/change" not in page
                assert "/skus/new" not in page


class TestList:
    def test_is_narrowed_by_its_address(self, shelf: Shelf) -> None:
        shown, hidden_one = shelf.add_product(), shelf.add_product(title="点卡", scenario="gaming")
        shelf.add_sku(shown, sku_code="QH-SHOWN", stock=3)
        shelf.add_sku(shown, list_price="28", title="贵的")
        path = f"/products/{shown}"
        shelf.clerk.post(f"{path}/publish", version=shelf.clerk.version(path))
        page = shelf.clerk.page("/products")
        assert tabs(page) == [2, 1, 1, 0]
        for words in ("¥25.90 – ¥28.00", "已上架", "未上架"):
            assert words in page
        for choice, is_shown, is_hidden in (
            ({"status": "published"}, True, False),
            ({"status": "nonsense", "scenario": "nonsense"}, True, True),
            ({"scenario": "gaming"}, False, True),
            ({"q": "月卡"}, True, False),
            ({"q": "青禾"}, True, True),
            ({"q": "qh-shown"}, True, False),
            ({"q": "%"}, False, False),
        ):
            page = shelf.clerk.page(with_query("/products", **choice))
            assert (shown in page, hidden_one in page) == (is_shown, is_hidden), choice
        assert tabs(shelf.clerk.page("/products?q=qh-shown&status=draft")) == [1, 0, 1, 0]
        assert shelf.clerk.get("/products?cursor=nonsense").status_code == 422

    def test_goes_on(self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("console.product_reading.PAGE", 2)
        made = [shelf.add_product() for _ in range(3)]
        first = shelf.clerk.page("/products")
        assert made[2] in first
        assert made[0] not in first
        rest = re.search(r'href="/console(/products\?cursor=[^"]+)"', first)
        assert rest is not None
        assert made[0] in shelf.clerk.page(rest[1])

    def test_a_code_or_a_name_lands_on_it(self, shelf: Shelf) -> None:
        product_id = shelf.add_product()
        sku_id = shelf.add_sku(product_id, sku_code="QH-30")
        for words, place in (
            ("QH-30", f"/skus/{sku_id}"),
            (sku_id, f"/skus/{sku_id}"),
            (product_id, f"/products/{product_id}"),
        ):
            answer = shelf.clerk.get("/search", query_string={"q": words})
            assert answer.headers.get("Location") == f"/console{place}"
        assert product_id in shelf.clerk.page("/search?q=影音")
        found = shelf.clerk.get("/palette?q=影音").get_json()["found"]
        assert {"name": "影音月卡", "place": f"/console/products/{product_id}"} in found

    def test_many_are_withdrawn_at_once_and_shown_again(self, shelf: Shelf) -> None:
        made = [shelf.add_product() for _ in range(2)]
        shelf.add_sku(made[0])
        fields = {"pick": made, "form_key": new_token()}
        told = shelf.clerk.post("/many/catalog.publish", **fields)
        assert "完成 1 行，拒绝 1 行" in told.text
        assert "请先添加规格再上架" in told.text
        assert shelf.product(made[0]).status is ProductStatus.PUBLISHED
        told = shelf.clerk.post("/many/catalog.withdraw", pick=made[0], form_key=new_token())
        assert "完成 1 行，拒绝 0 行" in told.text
        assert shelf.product(made[0]).status is ProductStatus.WITHDRAWN

    def test_withdrawing_is_undone_by_whoever_did_it(self, shelf: Shelf) -> None:
        product_id = shelf.add_product()
        shelf.add_sku(product_id)
        path = f"/products/{product_id}"
        for act in ("publish", "withdraw"):
            shelf.clerk.post(f"{path}/{act}", version=shelf.clerk.version(path))
        undoing = re.search(r'action="/console(/undo/[^"]+)"', shelf.clerk.page(path))
        assert undoing is not None
        assert shelf.clerk.post(undoing[1], form_key=new_token()).status_code == 303
        assert shelf.product(product_id).status is ProductStatus.PUBLISHED


class TestSafety:
    def test_h130_what_is_stored_is_shown_as_text(self, shelf: Shelf) -> None:
        product_id = shelf.add_product(purchase_notes=ALL[:2000])
        for start in range(0, len(PAYLOADS), 20):
            told = PAYLOADS[start : start + 20]
            for payload in told[:3]:
                path = f"/products/{product_id}"
                given = shelf.product_fields(title=payload[:80], brand=payload[:40])
                given["version"] = shelf.clerk.version(path)
                assert shelf.clerk.post(f"{path}/change", **given).status_code in (303, 422)
                for place in (path, "/products", "/products?q=%3Cscript%3E"):
                    assert read(shelf.clerk.page(place)).dangers == [], payload
