"""The catalogue in Chromium: a product from empty to the mini-program, and a price below cost."""

import re
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.console.test_second_person import approve_own, is_fit_to_read
from tests.console.window import CHROMIUM, Window
from tests.journeys.people import Json, Person
from tests.running_shop import RunningShop

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's Chromium")
TITLE = "青禾影音月卡"


def fill(page: Page, **fields: str) -> None:
    """Type into fields, each under its name."""
    for name, text in fields.items():
        page.fill(f"main [name={name}]", text)


def add_product(window: Window) -> str:
    """Make a product from empty, mistyped at first; return the path of its page."""
    page = window.go("/products")
    page.locator("main").get_by_role("link", name="新建商品").first.click()
    is_fit_to_read(window, "/products/new")
    window.go("/products/new")
    fill(
        page, title=TITLE, brand="青禾", pictures="http://img.example/1.png", purchase_notes="须知"
    )
    page.select_option("[name=scenario]", "video")
    page.get_by_role("button", name="保存").click()
    expect(page.locator("#pictures-error")).to_contain_text("https://")
    expect(page.locator("[name=title]")).to_have_value(TITLE)
    page.fill("[name=pictures]", "https://img.example/1.png")
    page.get_by_role("button", name="保存").click()
    page.wait_for_url(re.compile(r"/console/products/[0-9a-f-]{36}$"))
    expect(page.get_by_role("button", name="上架")).to_be_disabled()
    return page.url.removeprefix(f"{window.base}/console")


def add_sku(window: Window, product: str) -> str:
    """Add a SKU to the product, mistyped at first; return the path of its page."""
    page = window.go(product)
    page.get_by_role("link", name="添加规格").first.click()
    code = f"QH-{uuid4().hex[:8]}"
    fill(page, sku_code=code, title="影音月卡", face_value="30", list_price="25.999", cost="20")
    page.get_by_role("button", name="保存").click()
    expect(page.locator("#list_price-error")).to_contain_text("最多两位小数")
    expect(page.locator("[name=sku_code]")).to_have_value(code)
    assert window.breaches() == []
    fill(page, list_price="25.90", limit_per_day="5")
    page.get_by_label("网页").uncheck()
    page.get_by_role("button", name="保存").click()
    page.wait_for_url(re.compile(r"/console/skus/[0-9a-f-]{36}$"))
    return page.url.removeprefix(f"{window.base}/console")


def import_cards(window: Window, folder: Path) -> None:
    """Put ten codes of the SKU into stock."""
    file = folder / "film.csv"
    file.write_text("\n".join(f"FILM-{uuid4().hex[:12].upper()}" for _ in range(10)))
    page = window.go("/stock")
    page.select_option("#sku_id", label=f"{TITLE} · 影音月卡")
    page.set_input_files("#file", file)
    page.click("button[value=import]")
    expect(page.locator("td", has_text="film.csv").first).to_be_visible()


def seen_by_members(shop: RunningShop, channel: str) -> Json | None:
    """Return the product as the mini-program of this channel sees it."""
    answer = requests.get(
        f"{shop.url}/v1/products", headers={"X-Client-Channel": channel}, timeout=15
    )
    assert answer.status_code == 200, answer.text
    return next((one for one in answer.json()["items"] if one["title"] == TITLE), None)


def price_of(shop: RunningShop) -> int:
    """Return what the mini-program asks for the SKU, in fen."""
    seen = seen_by_members(shop, "alipay")
    assert seen is not None
    return int(seen["skus"][0]["list_price_fen"])


def test_a_product_is_made_from_empty_and_then_sold_below_cost_by_two_persons(
    window: Window, planner_window: Window, running_shop: RunningShop, tmp_path: Path
) -> None:
    first, second, page = planner_window, window, planner_window.page
    product = add_product(first)
    sku = add_sku(first, product)
    import_cards(first, tmp_path)
    assert seen_by_members(running_shop, "alipay") is None
    first.go(product)
    page.get_by_role("button", name="上架").click()
    expect(page.get_by_text("已上架").first).to_be_visible()
    seen = seen_by_members(running_shop, "alipay")
    assert seen is not None
    assert seen["skus"][0]["can_buy"] == {"ok": True, "reason": None}
    assert (price_of(running_shop), seen["skus"][0]["stock_left"]) == (2590, 10)
    elsewhere = seen_by_members(running_shop, "h5")
    assert elsewhere is not None
    assert elsewhere["skus"][0]["can_buy"]["reason"] == "not_sold_here"

    buyer = Person(running_shop, "alipay")
    order = buyer.place((seen["skus"][0]["id"], 1))  # promised before the price falls
    first.go(sku)
    page.fill("[name=list_price]", "18")
    page.get_by_role("button", name="保存").click()
    expect(page.locator(".alert-warning")).to_contain_text("每件亏损 ¥2.10")
    assert window.breaches() == []
    page.fill("#why", "清仓引流")
    page.get_by_role("button", name="提交审批").click()
    page.wait_for_url(re.compile(r"/console/approvals/[0-9a-f-]{36}$"))
    request = page.url.removeprefix(f"{first.base}/console")
    expect(page.get_by_role("button", name="通过并执行")).to_have_count(0)
    assert approve_own(page, first.base, request) == 403
    assert price_of(running_shop) == 2590

    other = second.go("/approvals")
    other.locator("tr", has_text="清仓引流").get_by_role("link").first.click()
    expect(other.locator("main")).to_contain_text("¥18.00")
    expect(other.locator("dl.state", has_text="现有可售卡密")).to_contain_text("9")
    is_fit_to_read(second, request)
    second.go(request)
    other.get_by_role("button", name="通过并执行").click()
    expect(other.get_by_text("已执行").first).to_be_visible()
    assert price_of(running_shop) == 1800
    assert buyer.order(order)["total_fen"] == 2590
    for path in ("/products", product, sku, f"{product}/skus/new"):
        is_fit_to_read(first, path)
    assert first.troubles == []
    assert second.troubles == []
