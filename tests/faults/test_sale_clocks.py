"""Flash sales and time: processes by wrong clocks, and members who come a second too early."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import sleep
from typing import Final

import pytest
from sqlalchemy import text

from app.machine.children import spawn
from app.machine.processes import programs
from tests.faults.lights import Light
from tests.faults.sale_crowd import Buyer, Fate
from tests.faults.sale_fire import BurningShop, Fire, Sale
from tests.servers import ROOT

SKEWS: Final = (-5.0, 5.0)
OPENS_IN: Final = timedelta(seconds=4)
EARLY_SECONDS: Final = 1.0
TELL: Final = (
    "import time; true = time.time(); from tests.faults.skewed import skew; skew(3600);"
    " from kit.database_clock import utc_now;"
    " print(round(utc_now().timestamp() - true), round(time.time() - true))"
)


@contextmanager
def by_wrong_clocks(burning: BurningShop, skews: dict[str, float]) -> Iterator[None]:
    """Have parts of the shop go by clocks that are so many seconds ahead."""
    shop = burning.shop
    known = {program.name: program for program in programs(shop.settings, with_sandbox=False)}
    for part, seconds in skews.items():
        python, dash_m, *words = known[part].command
        shop.kill(part)
        shop.children[part] = spawn(
            part,
            [python, dash_m, "tests.faults.skewed", str(seconds), *words],
            log_file=shop.log_file(part),
            environment=known[part].environment,
            directory=ROOT,
        )
    shop.wait_until_ready()
    try:
        yield
    finally:
        for part in skews:
            shop.restart(part)
        shop.wait_until_ready()


class Early(Buyer):
    """One who comes a second before the opening, and tries again until let through."""

    refused = 0

    def _live(self) -> None:
        said = self._claim({})
        while said == "not_started":
            self.refused += 1
            sleep(0.1)
            said = self._claim({})
        if isinstance(said, dict):
            self._pay(said)
        else:
            self.odd.append(f"told {said}")


def open_early(burning: BurningShop, stock: int) -> list[Early]:
    """Hold a sale at which as many as there are units come a second too early; all are served."""
    sale = Sale(stock=stock, opens_in=OPENS_IN)
    fire = Fire(burning, sale, [])
    fate = Fate(arrives_after=0.0)
    early = [Early(one, fire.campaign_id, fate, threading.Event()) for one in burning.crowd(stock)]
    for buyer in early:
        buyer.be_let_in()
    with fire.engine.connect() as connection:
        left = connection.scalar(
            text(
                "SELECT extract(epoch FROM starts_at - clock_timestamp())"
                " FROM campaigns WHERE id = :id"
            ),
            {"id": fire.campaign_id},
        )
    sleep(float(left) - EARLY_SECONDS)
    fire.crowd.extend(early)
    fire.burn(lambda: None)
    return early


def first_claims(burning: BurningShop) -> list[tuple[datetime, datetime]]:
    """Return when each sale opened, and when its first claim was made."""
    engine = burning.engine()
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT c.starts_at, min(k.claimed_at) FROM claims k"
                " JOIN campaigns c ON c.id = k.campaign_id GROUP BY c.id"
            )
        ).all()
    engine.dispose()
    return [(row[0], row[1]) for row in rows]


@pytest.mark.slow
class TestClocks:
    """The database's clock and that of Redis decide, whatever a process believes."""

    def test_c56_the_wrong_clock_is_wrong(self) -> None:
        """The control: what is imported afterwards goes by it."""
        told = subprocess.run(
            [sys.executable, "-c", TELL], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert all(int(ahead) >= 3600 for ahead in told.stdout.split())

    def test_c56_nobody_is_served_before_the_opening_and_all_are_after_it(
        self, light: Light
    ) -> None:
        """Web and lane are ten seconds apart, and members come a second too early."""
        for number in range(10 if light.is_chaos else 1):
            rng = light.dice(number)
            ahead, behind = rng.sample(SKEWS, 2)
            skews = {"web": ahead, "lane": behind}
            if light.is_chaos:
                skews |= {"scheduler": rng.choice(SKEWS), "worker": rng.choice(SKEWS)}
            with by_wrong_clocks(light.burning, skews):
                early = open_early(light.burning, stock=8)
            assert all(buyer.refused for buyer in early)
            light.figures["too early"] += sum(buyer.refused for buyer in early)
        for starts_at, claimed_at in first_claims(light.burning):
            assert claimed_at >= starts_at
