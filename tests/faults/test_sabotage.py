"""Sabotage: the house with one thought left out; the test that is named must then fail."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.faults.mutants import Mutant
from tests.faults.sale_mutants import SALE_MUTANTS
from tests.servers import ROOT, DatabaseServer

COPIED: Final = (
    "app",
    "config",
    "console",
    "flash_sale",
    "group_buy",
    "kit",
    "migrations",
    "miniprogram_api",
    "public_site",
    "shop",
    "tests",
)
FILES: Final = ("pyproject.toml", "alembic.ini", "wsgi.py")
ORDERS: Final = "tests/shop/orders"
RACES: Final = "tests/races"


MUTANTS: Final = (
    Mutant(
        "a10 the amount is not compared",
        "shop/orders/receiving.py",
        (('        "amount_fen": trade.total_fen,\n', ""),),
        f"{ORDERS}/test_receiving.py",
        "a10",
        is_quick=True,
    ),
    Mutant(
        "a13 the merchant is not compared",
        "shop/orders/receiving.py",
        (('        "merchant_id": trade.merchant_id,\n', ""),),
        f"{ORDERS}/test_receiving.py",
        "a13",
    ),
    Mutant(
        "a07 a repeat is applied",
        "shop/orders/receiving.py",
        (("if payment.status is PaymentStatus.CAPTURED:", "if False:"),),
        f"{RACES}/test_interleavings.py",
        "notice_and_query",
    ),
    Mutant(
        "a25 the notice is acknowledged whatever becomes of the commit",
        "miniprogram_api/callbacks.py",
        (
            (
                "    except (UnknownTrade, TradeMismatch, RefundMismatch) as exc:\n",
                "    except Exception:\n        return None\n    except DomainError as exc:\n",
            ),
        ),
        "tests/miniprogram_api/test_callbacks.py",
        "a25",
    ),
    Mutant(
        "b31 the order is not locked",
        "shop/orders/queries.py",
        (
            (
                "session.get(Order, order_id, with_for_update=True, populate_existing=True)",
                "session.get(Order, order_id, populate_existing=True)",
            ),
        ),
        f"{RACES}/test_interleavings.py",
        "pay_and_lapse",
    ),
    Mutant(
        "b32 the order is closed without asking the platform",
        "shop/orders/asking.py",
        (("gateways[payment.channel].close(out_trade_no=payment.out_trade_no)", "pass"),),
        f"{ORDERS}/test_jobs.py",
        "b44",
        is_quick=True,
    ),
    Mutant(
        "b32 late money is kept",
        "shop/orders/receiving.py",
        (("        reason = RefundReason.LATE\n", "        return Received.RETURNED\n"),),
        f"{ORDERS}/test_receiving.py",
        "b32",
    ),
    Mutant(
        "c45 cards are read, then written",
        "shop/cards/service.py",
        (("        .with_for_update(skip_locked=skip_locked)\n", ""),),
        f"{RACES}/test_interleavings.py",
        "place_and_place",
        also=(("kit/lifecycle.py", "table.c.status == _constant(old), ids", "ids"),),
    ),
    Mutant(
        "e75 a code is shown without the card's lock",
        "shop/cards/service.py",
        (
            (
                "session.get(Card, card_id, with_for_update=True, populate_existing=True)",
                "session.get(Card, card_id)",
            ),
        ),
        f"{RACES}/test_interleavings.py",
        "refund_and_reveal",
    ),
    Mutant(
        "f97 more may go back than was paid",
        "shop/payments/service.py",
        (("if amount_fen > payment.amount_fen - promised:", "if False:"),),
        "tests/shop/payments/test_service.py",
        "f97",
    ),
    Mutant(
        "a refund is sent again without asking",
        "shop/orders/jobs.py",
        (("if refund.attempts > 1 or refund.status is RefundStatus.SENT:", "if False:"),),
        f"{ORDERS}/test_refund_jobs.py",
        "lost_answer",
        is_quick=True,
    ),
    Mutant(
        "a retry has a number of its own",
        "shop/orders/jobs.py",
        (
            (
                "        out_refund_no=refund.out_refund_no,\n        refund_fen",
                (
                    '        out_refund_no=f"{refund.out_refund_no}{refund.attempts}",\n'
                    "        refund_fen"
                ),
            ),
        ),
        f"{ORDERS}/test_refund_jobs.py",
        "keeps_the_number",
    ),
    Mutant(
        "j154 a sweep does not look whether the row is still due",
        "kit/sweep.py",
        (("return row.due_at is not None and row.due_at <= now", "return True"),),
        f"{ORDERS}/test_refund_jobs.py",
        "j154",
    ),
    Mutant(
        "j149 a crash leaves an order that is never due",
        "shop/orders/service.py",
        (("        due_at=now + pay_within,\n", ""),),
        "tests/faults/test_nth_failure.py",
        "place_order",
    ),
    Mutant(
        "two channels: another channel's trade is taken for the own one",
        "shop/orders/paying.py",
        (("elif not payer.may_pay(payment, gateway.channel):", "elif False:"),),
        f"{ORDERS}/test_paying.py",
        "another_channel",
    ),
    Mutant(
        "h133 whoever may export fetches the codes that another asked for",
        "shop/cards/exporting.py",
        ((" or approval.asked_by_id != by.operator_id:", ":"),),
        "tests/shop/cards/test_exporting.py",
        "nobody_else",
    ),
)


def sabotage(mutant: Mutant) -> dict[str, str]:
    """Return the files in which something is left out, by their names."""
    changed: dict[str, str] = {}
    changes = [(mutant.file, old, new) for old, new in mutant.changes]
    for name, old, new in [*changes, *mutant.also]:
        text = changed.get(name) or (ROOT / name).read_text("utf-8")
        assert text.count(old) == 1, f"{mutant.name}: the place has changed: {old!r}"
        changed[name] = text.replace(old, new)
    return changed


def copied(folder: Path, changed: dict[str, str]) -> Path:
    """Copy the house, but for what is changed."""
    for name in COPIED:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    (folder / "sandbox").symlink_to(ROOT / "sandbox")
    for name, text in changed.items():
        (folder / name).write_text(text, "utf-8")
    return folder


def run_tests(house: Path, mutant: Mutant, database_url: str) -> "subprocess.CompletedProcess[str]":
    """Run the named test in the copy."""
    command = [sys.executable, "-m", "pytest", "--import-mode=importlib", "-q", "-x"]
    command += ["-p", "no:cacheprovider", mutant.test, "-k", mutant.only]
    return subprocess.run(
        command,
        cwd=house,
        env={**os.environ, "TEST_DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


class TestSabotage:
    """A suite that passes without the thought does not test it."""

    @pytest.mark.parametrize("mutant", [*MUTANTS, *SALE_MUTANTS], ids=lambda mutant: mutant.name)
    def test_the_named_test_notices(
        self, mutant: Mutant, database_server: DatabaseServer, tmp_path: Path, is_chaos: bool
    ) -> None:
        """Every mutant in a long run; in a short one three of them, and of all that they fit."""
        changed = sabotage(mutant)
        if not (is_chaos or mutant.is_quick):
            return
        done = run_tests(copied(tmp_path, changed), mutant, database_server.owner_url)
        assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-2000:]
        assert " failed" in done.stdout
