"""Cells of files: no text is a formula, money is exact, people are masked."""

from datetime import timedelta
from decimal import Decimal

import pytest

from kit.clock import utc_now
from kit.ids import new_id
from shop.exports import cells, narrowing


class TestCells:
    @pytest.mark.parametrize(
        "given",
        ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\x00=1", "＝1+1"],
    )
    def test_no_text_is_a_formula(self, given: str) -> None:
        assert cells.text(given).startswith("'")

    def test_other_texts_stay_as_they_are(self) -> None:
        assert cells.text("周五 =1+1") == "周五 =1+1"
        assert cells.text("a\x00b\x1fc\ud800") == "a b c "
        assert len(cells.text("x" * 5000)) == cells.LONGEST

    def test_money_is_exact_and_people_are_masked(self) -> None:
        assert [cells.yuan(fen) for fen in (1, 10, -1050, 10_000_000_001)] == [
            Decimal(text) for text in ("0.01", "0.10", "-10.50", "100000000.01")
        ]
        assert cells.masked("019aa000-0000-7000-8000-0000deadbeef") == "…adbeef"
        assert cells.network("192.0.2.77") == "192.0.2.…"
        assert cells.network("2001:db8::7") == "2001:db8::…"

    def test_ids_of_a_moment_come_after_those_before_it(self) -> None:
        at = utc_now()
        assert narrowing._first_id(at - timedelta(seconds=1)) < new_id()
        assert narrowing._first_id(at + timedelta(seconds=5)) > new_id()
