"""Two operators in two browsers: one asks for codes, or for a large refund; the other decides."""

import csv
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.console.conftest import open_window
from tests.console.test_journey import import_codes
from tests.console.window import CHROMIUM, Window
from tests.journeys.people import Person
from tests.running_shop import RunningShop

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's Chromium")
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


def ask_for_codes(window: Window, why: str) -> str:
    """Freeze the newest batch, ask for its codes, and return the path of the request."""
    page = window.go("/stock")
    page.get_by_role("link", name="codes.csv").first.click()
    expect(page.locator("#export")).to_contain_text("只能导出已冻结批次的卡密")
    page.get_by_role("button", name="冻结", exact=True).click()
    expect(page.locator("#export")).to_contain_text("可以导出 30 张未售出且未预留的卡密")
    page.fill("#why", why)
    page.get_by_role("button", name="申请导出").click()
    page.wait_for_url(re.compile(r"/console/approvals/[0-9a-f-]{36}$"))
    expect(page.locator(".alert-info")).to_contain_text("由另一位操作员决定")
    return page.url.removeprefix(f"{window.base}/console")


def approve_own(page: Page, base: str, path: str) -> int:
    """Send what the button would send, if there were one; return how it is answered."""
    token = page.locator("[name=csrf]").first.input_value()
    answer = page.request.post(
        f"{base}/console{path}/approve", form={"csrf": token}, headers={"Origin": base}
    )
    return answer.status


def approve(window: Window, why: str) -> None:
    """Find what waits for oneself on the first page, read it and say yes."""
    page = window.go("")
    page.locator("#menu").get_by_role("link", name="审批").click()
    row = page.locator("tr", has_text=why)
    row.get_by_role("link", name="导出卡密明文").click()
    expect(page.locator("dl.state", has_text="将交出的卡密")).to_contain_text("30")
    page.get_by_role("button", name="通过并执行").click()
    expect(page.locator(".alert-info")).to_contain_text("等待申请人")


def is_fit_to_read(window: Window, path: str) -> None:
    """See that a page fits a phone, and that axe finds nothing in either look."""
    page = window.page
    for look in ("dark", "light"):
        page.emulate_media(color_scheme="dark" if look == "dark" else "light")
        window.go(path)
        assert window.breaches() == [], (path, look)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # a width and a height
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
    page.set_viewport_size(DESK)  # type: ignore[arg-type]  # a width and a height


def test_h133_one_asks_another_approves_and_the_first_takes_the_codes_once(
    window: Window, planner_window: Window, tmp_path: Path
) -> None:
    first, second, page = planner_window, window, planner_window.page
    import_codes(first, tmp_path)
    given = (tmp_path / "codes.csv").read_text(encoding="utf-8").splitlines()[:30]
    path = ask_for_codes(first, "退还供应商青禾")
    expect(page.get_by_role("button", name="通过并执行")).to_have_count(0)
    assert approve_own(page, first.base, path) == 403
    first.go("/approvals?shelf=mine")
    expect(page.locator("tr", has_text="退还供应商青禾")).to_contain_text("待审批")
    is_fit_to_read(second, path)
    approve(second, "退还供应商青禾")
    expect(second.page.get_by_role("button", name="下载 CSV")).to_have_count(0)
    is_fit_to_read(first, path)
    first.go(path)
    expect(page.get_by_text("已执行").first).to_be_visible()
    page.fill("#code", "000000")
    page.get_by_role("button", name="下载 CSV").click()
    expect(page.locator(".alert-danger")).to_contain_text("验证码不正确或已经用过")
    page.fill("#code", first.next_code())
    with page.expect_download() as coming:
        page.get_by_role("button", name="下载 CSV").click()
    with coming.value.path().open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["code"] for row in rows] == given
    first.go(path)
    expect(page.locator(".alert-info")).to_contain_text("卡密已交出 30 张")
    is_fit_to_read(first, path)
    page.get_by_role("link", name=re.compile(r"^[0-9a-f-]{36}$")).click()
    batch = page.url.removeprefix(f"{first.base}/console")
    expect(page.locator("#export")).to_contain_text("退还供应商青禾")
    page.locator("tbody a", has=page.locator("code")).first.click()
    for words in ("未售 → 已作废", f"批准人 {second.name}", first.name):
        expect(page.locator("ol.history")).to_contain_text(words)
    for place in (batch, page.url.removeprefix(f"{first.base}/console")):
        is_fit_to_read(first, place)
    assert first.troubles == []
    assert second.troubles == []


def test_h133_one_asks_for_a_large_refund_and_another_makes_it(
    window: Window, browser: Browser, running_shop: RunningShop
) -> None:
    first, second, page = window, open_window(browser, running_shop, role="finance"), window.page
    made = running_shop.flask("sample", "sku", "--stock", "3", "--price-fen", "30000")
    buyer = Person(running_shop, "wechat")
    order = buyer.buy((json.loads(made.stdout.splitlines()[-1])["sku_id"], 2))
    place = f"/orders/{order['id']}"
    first.go(place)
    page.get_by_role("button", name="退款").first.click()
    expect(page.locator("#refund")).to_contain_text("累计满 ¥500.00 的退款由另一位操作员审批")
    page.fill("#refund-why", "买家误购")
    page.get_by_role("button", name="确认退款").click()
    page.wait_for_url(re.compile(r"/console/approvals/[0-9a-f-]{36}$"))
    path = page.url.removeprefix(f"{first.base}/console")
    expect(page.locator(".alert-info")).to_contain_text("由另一位操作员决定")
    assert approve_own(page, first.base, path) == 403
    assert buyer.order(order)["status"] == "fulfilled"
    first.go(place)
    expect(page.locator(".alert-info")).to_contain_text("大额退款正在等待审批")

    other = second.go("")
    other.locator("#menu").get_by_role("link", name="审批").click()
    other.locator("tr", has_text="买家误购").get_by_role("link", name="大额退款").click()
    expect(other.locator("dl.state", has_text="将退还")).to_contain_text("¥600.00")
    is_fit_to_read(second, path)
    second.go(path)
    other.get_by_role("button", name="通过并执行").click()
    expect(other.get_by_text("已执行").first).to_be_visible()
    refunds = buyer.await_refunds(order, "done")
    assert sum(one["amount_fen"] for one in refunds["refunds"]) == 60_000
    assert buyer.await_status(order, "refunded")["id"] == order["id"]
    second.go(place)
    expect(other.locator("main")).to_contain_text("退款 ¥600.00")
    for words in ("处理中 → 已退回", "退款中 → 已退款"):
        expect(other.locator("ol.history")).to_contain_text(words)
    expect(other.locator("dl.state", has_text="订单退款")).to_contain_text(second.name)
    assert first.troubles == []
    assert second.troubles == []
    second.context.close()
