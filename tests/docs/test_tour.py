"""The tour of the README: typed as it stands, it ends with a code."""

import json
import shutil
import subprocess

import pytest

from tests.docs.pages import ROOT, page
from tests.running_shop import RunningShop


@pytest.fixture
def tour(running_shop: RunningShop) -> str:
    """Return the tour's lines, with the addresses of the shop that runs here."""
    (block,) = [text for _, text in page("README.md").blocks if text.startswith("SHOP=")]
    told = "SHOP=http://127.0.0.1:8000 SANDBOX=http://127.0.0.1:9100\n"
    assert block.startswith(told)
    sandbox = f"http://127.0.0.1:{running_shop.sandbox.port}"
    return f"SHOP={running_shop.url} SANDBOX={sandbox}\n" + block.removeprefix(told)


@pytest.mark.skipif(
    shutil.which("curl") is None or shutil.which("bash") is None, reason="needs bash and curl"
)
def test_the_tour_ends_with_a_code(running_shop: RunningShop, tour: str) -> None:
    made = running_shop.flask("sample", "sku", "--stock", "1", "--price-fen", "500")
    assert made.returncode == 0, made.stdout
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", tour],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    paid, status, revealed = done.stdout.strip().splitlines()
    assert json.loads(paid)["trade_state"] == "SUCCESS"
    assert status == "fulfilled"
    assert json.loads(revealed)["code"]
