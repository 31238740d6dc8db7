"""Makes invites on a run that goes on, for pictures of their pages; uses the standard library."""

import json
import os
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SALE = ["--kind", "flash_sale", "--stock", "20", "--limit", "2", "--price-fen", "900"]
# Names that try what a page bears: markup, one endless word, many scripts, piled-up accents.
NAMES = {
    "invite": "小明",
    "invite-markup": "<script>alert(1)</script>\"'&amp;",
    "invite-long": "W" * 40,
    "invite-scripts": "مرحبا שלום 𠮷野家 Z̴̢̛a̷l̷g̸o 😀",
}
CODE_SECONDS = 15.0


def make_invites(base: str) -> dict[str, str]:
    """Return the path of a page for each name: of a campaign, and one of everything."""
    sandbox = sandbox_address()
    command = [sys.executable, "-m", "app.machine", "flask", "sample", "campaign", *SALE]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - our own words, no shell
    campaign_id = json.loads(made.stdout.splitlines()[-1])["campaign_id"]
    paths = {}
    for page, name in NAMES.items():
        token = sign_in(base, sandbox)
        ask("PATCH", f"{base}/v1/me", {"nickname": name}, token)
        wish = {"campaign_id": campaign_id}
        paths[page] = ask("POST", f"{base}/v1/invites", wish, token)["invite"]["share_path"]
    general = ask("POST", f"{base}/v1/invites", {}, sign_in(base, sandbox))
    paths["invite-general"] = general["invite"]["share_path"]
    _wait_for_link(base + paths["invite"])
    return paths


def sandbox_address() -> str:
    """Return where the simulated platforms are."""
    return f"http://127.0.0.1:{os.environ.get('SANDBOX_PORT', '9100')}"


def sign_in(base: str, sandbox: str) -> str:
    """Sign somebody new in, and return their token."""
    person = {"openid": f"screenshots-{uuid.uuid4().hex}"}
    code = ask("POST", f"{sandbox}/sandbox/wechat/codes", person)["code"]
    token: str = ask("POST", f"{base}/v1/sign-in", {"platform": "wechat", "code": code})["token"]
    return token


def _wait_for_link(url: str) -> None:
    """Wait until the simulated platform has made its codes, so that pictures show them."""
    ends_at = time.monotonic() + CODE_SECONDS
    while time.monotonic() < ends_at:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - this machine's own
            if b"wxaurl.cn" in answer.read():
                return
        time.sleep(0.5)


def ask(method: str, url: str, body: dict[str, Any] | None, token: str = "") -> dict[str, Any]:
    """Send a request that must go well, and return what is answered."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(  # noqa: S310 - this machine's own
        url, None if body is None else json.dumps(body).encode(), headers, method=method
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - this machine's own
        content: dict[str, Any] = json.loads(answer.read())
    return content
