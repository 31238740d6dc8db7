"""SKUs that lose money: asked for in the console, and made by a second person, or honestly not."""

from typing import Any

import pytest

from shop.approvals.models import ApprovalStatus
from shop.catalog.models import Sku
from tests.console.markup import read
from tests.console.office import Office
from tests.console.payloads import PAYLOADS
from tests.console.shelf import Shelf
from tests.console.test_campaigns import actions, landed

S = ApprovalStatus


@pytest.fixture
def shelf(office: Office) -> Shelf:
    """Return a planner in front of an empty catalogue."""
    return Shelf(office)


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
