"""The report of the demonstration: what programs read, and what people read."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demo import report
from demo.checks import Check, run_checks
from demo.chronicle import Chronicle
from demo.commands import read_balances
from demo.facts import days_with_money, find_leaks
from demo.troubles import count
from tests.demo.evenings import good_evening

STARTED = datetime(2026, 11, 25, 11, tzinfo=UTC)


def built(checks: list[Check] | None = None) -> dict[str, Any]:
    facts, chronicle = good_evening(), Chronicle()
    chronicle.count("members", 5)
    chronicle.hiccup("payments.platform_unavailable")
    return report.build(
        facts,
        run_checks(facts) if checks is None else checks,
        chronicle,
        started_at=STARTED,
        finished_at=STARTED,
        seed=7,
        troubles={"wechat_pay.notice drop": 3},
    )


def test_has_what_programs_look_for() -> None:
    found = built()
    assert {"started_at", "finished_at", "seed", "counts", "ledger", "sandbox", "checks"} <= set(
        found
    )
    assert found["ok"] is True
    assert found["ledger"]["balanced"] is True
    assert found["counts"]["members"] == 5
    assert found["counts"]["orders closed"] == 2
    assert found["groups"]["formed"] == found["groups"]["failed"] == 0
    assert found["sandbox"]["platforms"]["wechat_pay"]["payments"] == 3
    assert all(set(check) == {"name", "ok", "detail"} for check in found["checks"])


def test_is_not_ok_when_one_check_has_not_held() -> None:
    checks = [Check("a", ok=True, detail="1"), Check("b", ok=False, detail="lost 5 fen")]
    found = built(checks)
    assert found["ok"] is False
    text = report.as_text(found, Path("report.json"))
    assert "✗ b (lost 5 fen)" in text
    assert "1 of 2 checks held" in text


def test_reads_well_in_yuan() -> None:
    text = report.as_text(built(), Path("report.json"))
    assert "both sides are equal" in text
    assert "✓ nobody paid twice" in text
    assert "¥94.00" in text  # three payments through WeChat for five cards
    assert report.yuan(-123456) == "-¥1,234.56"


def test_never_holds_a_code(tmp_path: Path) -> None:
    file = tmp_path / "demo" / "report.json"
    report.write(built(), file)
    written = file.read_text(encoding="utf-8")
    assert json.loads(written)["seed"] == 7
    codes = {reveal.code for reveal in good_evening().reveals}
    assert not any(code in written for code in codes)
    assert not any(code in repr(good_evening()) for code in codes)


def test_leaks_are_found_with_and_without_dashes(tmp_path: Path) -> None:
    (tmp_path / "web.log").write_text("fine\n")
    (tmp_path / "worker.log").write_text("code AB12CD34 seen\n")
    (tmp_path / "web.log.1").write_text("AB12-CD34\n")
    assert find_leaks(tmp_path, {"AB12-CD34"}) == ["web.log.1", "worker.log"]
    assert find_leaks(tmp_path, {"ZZZZ-9999"}) == []
    assert find_leaks(tmp_path / "nowhere", {"ZZZZ-9999"}) is None


def test_balances_are_read_to_the_fen() -> None:
    lines = [
        "clearing:alipay              12.34",
        "fees                    0.05",
        "sales  -1.00",
        "",
    ]
    assert read_balances(lines) == {"clearing:alipay": 1234, "fees": 5, "sales": -100}


def test_the_day_of_money_is_the_one_in_shanghai() -> None:
    books = {
        "alipay": {
            "orders": [{"success_at": "2026-11-25T15:59:59+00:00"}, {"success_at": None}],
            "refunds": [{"finished_at": "2026-11-25T16:00:00+00:00"}],
        }
    }
    assert days_with_money(books, "alipay") == {"2026-11-25", "2026-11-26"}


def test_troubles_are_counted_by_target_and_kind() -> None:
    calls = [
        {"target": "alipay.refund", "note": "fault drop; more"},
        {"target": "alipay.refund", "note": None},
    ]
    notices = [{"target": "alipay.notice", "attempts": [{"fault": "delay"}, {"fault": None}]}]
    assert count(calls, notices) == {"alipay.notice delay": 1, "alipay.refund drop": 1}
