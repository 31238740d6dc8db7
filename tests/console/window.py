"""An operator's browser: Chromium in front of the console, with its troubles kept."""

import gzip
import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyotp
from playwright.sync_api import Browser, Page

from kit.clock import SHANGHAI, utc_now
from tests.running_shop import RunningShop

AXE: Final = Path(__file__).parent / "vendored" / "axe.min.js.gz"
CHROMIUM: Final = shutil.which("chromium")
FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
]
RULES: Final = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}


def renew(page: Page) -> str:
    """Replace what others know, as everybody does first, and return the authenticator's secret."""
    page.wait_for_url(re.compile("/console/renew$"))
    page.fill("#password", "correct horse battery")
    page.fill("#again", "correct horse battery")
    secret = page.inner_text("#secret")
    page.fill("#code", pyotp.TOTP(secret).now())
    page.click("main button.btn-primary")
    page.click("a.btn-primary")
    return secret


class Window:
    """A page whose troubles are kept."""

    def __init__(self, browser: Browser, base: str, *, name: str, secret: tuple[str, str]) -> None:
        self.base, self.name = base, name
        self.shop: RunningShop | None = None
        self.context = browser.new_context(viewport={"width": 1280, "height": 900})
        self.context.set_default_timeout(15_000)
        self.page: Page = self.context.new_page()
        self.troubles: list[str] = []
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", self._on_dialog)
        self.page.on("request", lambda request: self._on_request(request.url))
        self.page.goto(f"{base}/console")
        self.page.fill("#name", name)
        self.page.fill("#password", secret[0])
        self.page.fill("#code", pyotp.TOTP(secret[1]).now())
        self.page.click("button.btn-primary")
        self.secret = renew(self.page)
        self.page.wait_for_url(f"{base}/console")

    def go(self, path: str) -> Page:
        """Open a page of the console."""
        self.page.goto(f"{self.base}/console{path}")
        return self.page

    def next_code(self) -> str:
        """Return the authenticator's next code: no clock has come to it, so none has used it."""
        return pyotp.TOTP(self.secret).at(utc_now(), counter_offset=1)

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
        if message.type == "error" and not re.search(r"\b(409|422)\b", message.text):
            self.troubles.append(message.text)

    def _on_dialog(self, dialog: Any) -> None:
        self.troubles.append(f"says {dialog.message}")
        dialog.dismiss()

    def _on_request(self, url: str) -> None:
        if not url.startswith((self.base + "/", "data:")):
            self.troubles.append(f"loads {url}")


def local(at: datetime) -> str:
    """Return a moment as a field takes it."""
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%dT%H:%M")
