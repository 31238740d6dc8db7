"""The console in Chromium: signing in, planning a flash sale from empty, pausing it; and axe."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page

from kit.clock import utc_now
from tests.console.window import CHROMIUM, Window, local

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's Chromium")


def test_a_flash_sale_is_planned_from_empty_watched_and_paused(window: Window) -> None:
    page, now = window.page, utc_now()
    page.goto(f"{window.base}/console/campaigns/new")
    assert page.locator('[data-part="group_buy"]').first.is_hidden()
    page.fill("[name=name]", "浏览器里的秒杀")
    page.select_option("[name=sku_id]", index=1)
    page.fill("[name=deal_price]", "19.50")
    page.fill("[name=allotment]", "10")
    page.fill("[name=starts_at]", local(now - timedelta(minutes=2)))
    page.fill("[name=ends_at]", local(now - timedelta(minutes=5)))
    page.click("button[value=check]")
    assert "结束时间必须晚于开始时间" in page.inner_text("#ends_at-error")
    assert page.input_value("[name=name]") == "浏览器里的秒杀"
    page.fill("[name=ends_at]", local(now + timedelta(hours=1)))
    page.click("button[value=check]")
    assert "开始时间已过，发布后立即开始" in page.inner_text("#forecast")
    page.click("button[value=publish]")
    page.wait_for_url(re.compile(r"/console/campaigns/[0-9a-f-]{36}$"))
    place = page.url
    page.goto(f"{place}/live")
    page.get_by_role("button", name="暂停").or_(page.get_by_text("进行中")).first.wait_for()
    assert re.fullmatch(r"\d\d:\d\d:\d\d", page.locator(".countdown").first.inner_text())
    page.goto(place)
    for _ in range(50):
        if page.get_by_role("button", name="暂停").count():
            break
        page.wait_for_timeout(200)
        page.reload()
    page.get_by_role("button", name="暂停").click()
    page.fill("#pause-why", "补货")
    page.locator("#pause button.btn-warning").click()
    page.get_by_text("暂停原因：补货").wait_for()
    assert window.troubles == []


def test_keys_lead_to_things(window: Window) -> None:
    page = window.page
    page.goto(f"{window.base}/console/orders")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.press("Control+k")
    page.fill("#palette-words", "审计")
    page.locator("#palette-found li", has_text="审计日志").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(f"{window.base}/console/audit")
    page.click("text=English")
    page.get_by_role("heading", name="Audit log").wait_for()
    page.click("text=中文")
    page.get_by_role("heading", name="审计日志").wait_for()
    assert window.troubles == []


def test_the_calendar_is_turned_by_keys(window: Window) -> None:
    page = window.page
    page.goto(f"{window.base}/console/campaigns/calendar?on=2026-12-02")
    for key, place in (
        ("ArrowRight", "on=2026-12-09"),
        ("ArrowLeft", "on=2026-12-02"),
        ("d", "view=day"),
        ("ArrowRight", "on=2026-12-03"),
    ):
        page.keyboard.press(key)
        page.wait_for_url(re.compile(re.escape(place)))
    page.set_viewport_size({"width": 390, "height": 844})
    for path in ("/campaigns/calendar", "/campaigns/calendar?view=day", "/pushes", "/chat-groups"):
        page.goto(f"{window.base}/console{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
    page.set_viewport_size({"width": 1280, "height": 900})
    assert window.troubles == []


def place_of(page: Page) -> str:
    """Return the path that the first row of the list leads to."""
    place = page.locator("tbody a").first.get_attribute("href")
    return str(place).removeprefix("/console")


@pytest.mark.parametrize("look", ["light", "dark"])
def test_axe_finds_nothing(window: Window, look: str) -> None:
    page = window.page
    page.emulate_media(color_scheme="dark" if look == "dark" else "light")
    page.goto(f"{window.base}/console/campaigns")
    campaign = place_of(page)
    page.goto(f"{window.base}/console/products")
    product = place_of(page)
    page.goto(f"{window.base}/console{product}")
    sku = place_of(page)
    found, seen = {}, set[str]()
    menu = page.eval_on_selector_all("#menu a", "all => all.map(one => one.getAttribute('href'))")
    for path in (
        *(place.removeprefix("/console") for place in menu),
        "/campaigns/new",
        "/campaigns/calendar",
        "/campaigns/calendar?view=day",
        "/products/new",
        f"{product}/skus/new",
        product,
        sku,
        "/chat-groups/new",
        "/push-templates",
        f"{campaign}/pushes",
        "/views",
        "/orders?status=paid",
        "/reports?report=products",
        "/account",
        "/approvals?shelf=mine",
        "/leaders?tab=applicants",
        "/commission-rules",
        "/withdrawals?status=all",
        campaign,
    ):
        if path in seen:
            continue
        seen.add(path)
        page.goto(f"{window.base}/console{path}")
        if breaches := window.breaches():
            found[path] = breaches
    page.emulate_media(color_scheme="light")
    assert found == {}
    assert window.troubles == []
