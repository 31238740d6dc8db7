"""The commands of leaders and help-selling, as an operator types them."""

from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from app import process
from app.commands import catalog, leaders
from kit.db import Begin
from shop.catalog.models import Sku
from tests.factories.bench import Bench
from tests.factories.sheets import SheetBench

Run = Callable[..., Result]


@pytest.fixture
def fair(begin: Begin, now: datetime) -> SheetBench:
    """Return a shop with leaders, in a transaction that leaves nothing."""
    return SheetBench(Bench(begin, now))


@pytest.fixture
def flask(fair: SheetBench, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command over the fair's database."""
    ports = SimpleNamespace(begin=fair.shop.begin, clock=lambda: fair.shop.now)
    monkeypatch.setattr(process, "ports", lambda: ports)
    groups = {"leaders": leaders.group, "catalog": catalog.group}
    return lambda group, *words: CliRunner().invoke(groups[group], [str(word) for word in words])


class TestLeaders:
    def test_are_approved_listed_and_revoked(self, fair: SheetBench, flask: Run) -> None:
        member_id = fair.shop.member()
        assert flask("leaders", "approve", member_id).exit_code == 0
        assert fair.member(member_id).leader_since == fair.shop.now
        listed = flask("leaders", "list").output
        assert listed == f"{member_id}  {fair.shop.now.isoformat()}\n"
        again = flask("leaders", "approve", member_id)
        assert (again.exit_code, "a leader already" in again.output) == (1, True)
        assert flask("leaders", "revoke", member_id).exit_code == 0
        assert flask("leaders", "list").output == ""
        assert flask("leaders", "revoke", member_id).exit_code == 1

    def test_that_never_were(self, flask: Run) -> None:
        for verb in ("approve", "revoke"):
            assert flask("leaders", verb, uuid4()).exit_code == 1
            assert flask("leaders", verb, "somebody").exit_code == 2


class TestHelpSell:
    def band(self, fair: SheetBench, sku_id: object) -> tuple[int | None, int | None]:
        with fair.shop.begin() as session:
            sku = session.get_one(Sku, sku_id)
            return sku.help_sell_min_fen, sku.help_sell_max_fen

    def test_sets_a_band_by_id_or_code_and_ends_it(self, fair: SheetBench, flask: Run) -> None:
        sku_id = fair.shop.sku(0)
        with fair.shop.begin() as session:
            code = session.get_one(Sku, sku_id).code
        for name in (sku_id, code):
            words = ("help-sell", name, "--min-fen", 800, "--max-fen", 1200)
            assert flask("catalog", *words).exit_code == 0
            assert self.band(fair, sku_id) == (800, 1200)
            assert flask("catalog", "help-sell", name, "--off").exit_code == 0
            assert self.band(fair, sku_id) == (None, None)

    @pytest.mark.parametrize(
        "words",
        [
            (),
            ("--min-fen", 5),
            ("--max-fen", 5),
            ("--min-fen", 5, "--max-fen", 6, "--off"),
            ("--min-fen", 5, "--off"),
            ("--min-fen", 0, "--max-fen", 5),
        ],
    )
    def test_wants_both_ends_or_off(
        self, fair: SheetBench, flask: Run, words: tuple[object, ...]
    ) -> None:
        sku_id = fair.sku(0)
        assert flask("catalog", "help-sell", sku_id, *words).exit_code == 2
        assert self.band(fair, sku_id) == (800, 1200)

    def test_says_why_a_band_is_refused(self, fair: SheetBench, flask: Run) -> None:
        words = ("--min-fen", 6, "--max-fen", 5)
        refused = flask("catalog", "help-sell", fair.shop.sku(0), *words)
        assert (refused.exit_code, "up to the highest" in refused.output) == (1, True)
        assert flask("catalog", "help-sell", "nothing", "--off").exit_code == 1
