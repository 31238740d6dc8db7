"""The console in Chromium: signing in, planning a flash sale from empty, pausing it; and axe."""

import gzip
import re
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyotp
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from kit.clock import SHANGHAI, utc_now
from tests.running_shop import RunningShop

AXE: Final = Path(__file__).parent / "vendored" / "axe.min.js.gz"
FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
]
RULES: Final = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}

pytestmark = pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Debian's Chromium")


@pytest.fixture(scope="module")
def browser(no_child_left: None) -> Iterator[Browser]:
    """Return a browser."""
    with sync_playwright() as player:
        found = player.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield found
        found.close()


class Window:
    """A page whose troubles are kept."""

    def __init__(self, browser: Browser, base: str, *, name: str, secret: tuple[str, str]) -> None:
        self.base = base
        self.context = browser.new_context(viewport={"width": 1280, "height": 900})
        self.context.set_default_timeout(15_000)
        self.page: Page = self.context.new_page()
        self.troubles: list[str] = []
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("request", lambda request: self._on_request(request.url))
        self.page.goto(f"{base}/console")
        self.page.fill("#name", name)
        self.page.fill("#password", secret[0])
        self.page.fill("#code", pyotp.TOTP(secret[1]).now())
        self.page.click("button.btn-primary")
        self.page.wait_for_url(f"{base}/console")

    def breaches(self) -> list[Any]:
        """Return what axe finds on the page, each rule with the places that break it."""
        self.page.evaluate(gzip.decompress(AXE.read_bytes()).decode())
        found = self.page.evaluate("rules => axe.run(document, rules)", RULES)
        return [
            (one["id"], [node["html"][:90] for node in one["nodes"][:3]])
            for one in found["violations"]
        ]

    def _on_console(self, message: Any) -> None:
        # The browser itself notes a form that is meant to be refused.
        if message.type == "error" and "422" not in message.text:
            self.troubles.append(message.text)

    def _on_request(self, url: str) -> None:
        if not url.startswith((self.base + "/", "data:")):
            self.troubles.append(f"loads {url}")


@pytest.fixture(scope="module")
def window(browser: Browser, running_shop: RunningShop) -> Iterator[Window]:
    """Return the console as its owner sees it, with one SKU to sell."""
    made = running_shop.flask("sample", "sku", "--stock", "20", "--price-fen", "2000")
    assert made.returncode == 0, made.stdout
    told = running_shop.flask("operators", "add", "lin", "--role", "owner").stdout
    words = dict(re.findall(r"^(password|authenticator) +(\S+)$", told, re.MULTILINE))
    found = Window(
        browser,
        running_shop.url,
        name="lin",
        secret=(words["password"], words["authenticator"]),
    )
    yield found
    found.context.close()


def local(at: datetime) -> str:
    """Return a moment as a field takes it."""
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%dT%H:%M")


def test_a_flash_sale_is_planned_from_empty_watched_and_paused(window: Window) -> None:
    page, now = window.page, utc_now()
    page.goto(f"{window.base}/console/campaigns/new")
    assert page.locator('[data-part="group_buy"]').is_hidden()
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


@pytest.mark.parametrize("look", ["light", "dark"])
def test_axe_finds_nothing(window: Window, look: str) -> None:
    page = window.page
    page.emulate_media(color_scheme="dark" if look == "dark" else "light")
    page.goto(f"{window.base}/console/campaigns")
    campaign = page.locator("tbody a").first.get_attribute("href")
    found = {}
    paths = ("", "/campaigns", "/campaigns/new", "/stock", "/orders", "/refunds", "/differences")
    for path in (
        *paths,
        "/payments",
        "/reconciliation",
        "/ledger",
        "/reports",
        "/exports",
        "/jobs",
        "/audit",
        "/operators",
        "/account",
        str(campaign).removeprefix("/console"),
    ):
        page.goto(f"{window.base}/console{path}")
        if breaches := window.breaches():
            found[path] = breaches
    page.emulate_media(color_scheme="light")
    assert found == {}
    assert window.troubles == []
