"""Signs in to the console of a run that goes on, with something on its pages to look at."""

import json
import os
import re
import subprocess
import sys

import pyotp
from playwright.sync_api import Page

NAME = "pictures"
SAMPLES = (
    ("flash_sale", "--opens-in", "0"),
    ("flash_sale", "--opens-in", "7200"),
    ("group_buy", "--opens-in", "0"),
)


def paths() -> dict[str, str]:
    """Make sample campaigns, and return each page's name and path."""
    made = [
        json.loads(
            flask("sample", "campaign", "--kind", kind, "--stock", "40", "--limit", "1",
                  "--price-fen", "1990", *more)
        )["campaign_id"]
        for kind, *more in SAMPLES
    ]  # fmt: skip
    return {
        "today": "/console",
        "campaigns": "/console/campaigns",
        "campaign": f"/console/campaigns/{made[0]}",
        "campaign-group-buy": f"/console/campaigns/{made[2]}",
        "campaign-new": "/console/campaigns/new",
        "live": f"/console/campaigns/{made[0]}/live",
        "stock": "/console/stock",
        "orders": "/console/orders",
        "refunds": "/console/refunds",
        "payments": "/console/payments",
        "reconciliation": "/console/reconciliation",
        "differences": "/console/differences",
        "ledger": "/console/ledger",
        "reports": "/console/reports",
        "reports-products": "/console/reports?report=products",
        "exports": "/console/exports",
        "jobs": "/console/jobs",
        "audit": "/console/audit",
        "operators": "/console/operators",
        "account": "/console/account",
    }


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
