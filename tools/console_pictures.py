"""Signs in to the console of a run that goes on, with something on its pages to look at."""

import json
import os
import re
import secrets
import subprocess
import sys

import pyotp
from playwright.sync_api import Page
from sample_buyers import buy

NAME = "pictures"
PASSWORD = secrets.token_urlsafe(16)
SAMPLES = (
    ("flash_sale", "--opens-in", "0"),
    ("flash_sale", "--opens-in", "7200"),
    ("group_buy", "--opens-in", "0"),
)


def paths(base: str) -> dict[str, str]:
    """Make sample campaigns and have members buy, and return each page's name and path.

    The menu's pages come by themselves (`menu`); these need an id, or stand in no menu.
    """
    made = [
        json.loads(
            flask("sample", "campaign", "--kind", kind, "--stock", "40", "--limit", "1",
                  "--price-fen", "1990", *more)
        )["campaign_id"]
        for kind, *more in SAMPLES
    ]  # fmt: skip
    flask(
        "pushes",
        "template",
        "add",
        "pictures",
        "{campaign} {price} 元 {link}",
        is_allowed_to_fail=True,
    )  # it is there when pictures are taken again
    flask(
        "pushes", "plan", made[1], "--edge", "open", "--edge", "last_call", "--template", "pictures"
    )
    order_id = buy(base, made[0])
    ware = json.loads(flask("sample", "sku", "--stock", "20", "--price-fen", "1990"))
    product, sku = f"/console/products/{ware['product_id']}", f"/console/skus/{ware['sku_id']}"
    return {
        "order": f"/console/orders/{order_id}",
        "views": "/console/views",
        "campaign": f"/console/campaigns/{made[0]}",
        "campaign-group-buy": f"/console/campaigns/{made[2]}",
        "campaign-new": "/console/campaigns/new",
        "campaign-pushes": f"/console/campaigns/{made[1]}/pushes",
        "calendar-week": "/console/campaigns/calendar",
        "calendar-day": "/console/campaigns/calendar?view=day",
        "product": product,
        "product-new": "/console/products/new",
        "sku": sku,
        "sku-new": f"{product}/skus/new",
        "chat-group-new": "/console/chat-groups/new",
        "push-templates": "/console/push-templates",
        "live": f"/console/campaigns/{made[0]}/live",
        "applicants": "/console/leaders?tab=applicants",
        "commission-rules": "/console/commission-rules",
        "withdrawals": "/console/withdrawals?status=all",
        "approvals": "/console/approvals?shelf=waiting",
        "reports-products": "/console/reports?report=products",
        "account": "/console/account",
    }


def menu(page: Page) -> dict[str, str]:
    """Return the pages that the menu of whoever is signed in leads to, named by their addresses."""
    places = page.eval_on_selector_all("#menu a", "all => all.map(one => one.pathname)")
    return {place.removeprefix("/console").strip("/") or "today": place for place in places}


def credentials() -> tuple[str, str]:
    """Return the password and the authenticator's secret of an owner made for this."""
    told = flask("operators", "add", NAME, "--role", "owner", is_allowed_to_fail=True)
    if "password" not in told:
        told = flask("operators", "reset", NAME)
    words = dict(re.findall(r"^(password|authenticator) +(\S+)$", told, re.MULTILINE))
    return words["password"], words["authenticator"]


def sign_in(page: Page, base: str, known: tuple[str, str]) -> None:
    """Sign in as somebody would; a code is taken once, so that each look has its own operator."""
    password, secret = known
    page.goto(f"{base}/console/sign-in")
    page.fill("#name", NAME)
    page.fill("#password", password)
    page.fill("#code", pyotp.TOTP(secret).now())
    page.click("button.btn-primary")
    page.wait_for_url(f"{base}/console/renew")  # nobody keeps what was given out
    page.fill("#password", PASSWORD)
    page.fill("#again", PASSWORD)
    page.fill("#code", pyotp.TOTP(page.inner_text("#secret")).now())
    page.click("main button.btn-primary")
    page.click("a.btn-primary")
    page.wait_for_url(f"{base}/console")


def flask(*words: str, is_allowed_to_fail: bool = False) -> str:
    """Run a command of the product with the settings of the run."""
    done = subprocess.run(  # noqa: S603 - our own words, no shell
        [sys.executable, "-m", "flask", *words],
        env=os.environ,
        stdout=subprocess.PIPE,
        text=True,
        check=not is_allowed_to_fail,
    )
    return done.stdout
