"""`flask cards …` over a real database: importing whole or not at all, batches, keys."""

import csv
import secrets
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, text

from app import process
from app.commands.cards import group
from shop.cards import importing, rotation
from shop.cards.code_lines import FileRefused
from shop.cards.importing import FileChanged, FileHasFaults, FileKnown, ImportRunning
from shop.cards.models import Batch, Card
from shop.cards.vault import Vault
from tests.servers import ROOT
from tests.shop.cards.code_files import text_file, workbook
from tests.shop.cards.stock import Stock

Flask = Callable[..., Result]


@pytest.fixture
def flask(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """Return `flask cards …` as a call, over the shelf of which nothing stays."""

    def run(*words: object) -> Result:
        ports = SimpleNamespace(begin=stock.begin, clock=lambda: stock.now, vault=stock.vault)
        monkeypatch.setattr(process, "ports", lambda: ports)
        return CliRunner().invoke(group, [str(word) for word in words])

    return run


def codes(count: int) -> list[str]:
    return [secrets.token_hex(8).upper() for _ in range(count)]


class TestImport:
    @pytest.mark.parametrize("kind", ["csv", "xlsx"])
    def test_makes_a_batch_of_a_file(
        self, stock: Stock, flask: Flask, tmp_path: Path, kind: str
    ) -> None:
        rows = [["code", "password", "expires"], *([code, "p", "2030-12-31"] for code in codes(50))]
        path = (
            workbook(tmp_path, rows)
            if kind == "xlsx"
            else text_file(tmp_path, "\n".join(",".join(row) for row in rows))
        )
        done = flask("import", path, "--sku", stock.sku_code, "--source", "supplier")
        assert done.exit_code == 0, done.output
        assert "50 lines: 50 good, 0 bad, 0 duplicates in the file, 0 known already" in done.output
        with stock.begin() as session:
            batch = session.scalars(select(Batch)).one()
        assert f"50 imported, batch {batch.id}" in done.output
        assert (batch.file_name, batch.source, batch.cards_count) == (path.name, "supplier", 50)
        _, (card_id,) = stock.sold()
        shown = stock.reveal(card_id)
        assert [shown.code, shown.password, "2030-12-31"] in rows
        stock.check()

    def test_dry_run_writes_nothing(self, stock: Stock, flask: Flask, tmp_path: Path) -> None:
        path = text_file(tmp_path, "\n".join(codes(3)))
        done = flask("import", path, "--sku", stock.sku_id, "--dry-run")
        assert (done.exit_code, stock.counts()) == (0, {})
        assert "3 good" in done.output
        assert flask("import", path, "--sku", stock.sku_id).exit_code == 0

    def test_e82_one_bad_line_refuses_the_whole_file(
        self, stock: Stock, flask: Flask, tmp_path: Path
    ) -> None:
        known, new = codes(2)
        stock.add(known)
        path = text_file(tmp_path, f"{new}\n{new.lower()}\n{known}\n=1+1\n\nABC\n")
        done = flask("import", path, "--sku", stock.sku_code)
        assert done.exit_code == 1
        assert "5 lines: 1 good, 2 bad, 1 duplicates in the file, 1 known already" in done.output
        assert f"line 2: the same code stands further up in the file …{new[-2:].lower()}" in (
            done.output
        )
        assert f"line 3: code known already …{known[-2:]}" in done.output
        assert "line 6: code shorter than 4 characters …" in done.output
        assert stock.counts() == {"free": 1}

    def test_skip_bad_imports_the_rest(self, stock: Stock, flask: Flask, tmp_path: Path) -> None:
        known, new = codes(2)
        stock.add(known)
        path = text_file(tmp_path, f"{new}\n{new}\n{known}\n=1+1\n")
        done = flask("import", path, "--sku", stock.sku_code, "--skip-bad")
        assert done.exit_code == 0, done.output
        assert "1 imported" in done.output
        assert stock.counts() == {"free": 2}
        stock.check()

    def test_e83_the_error_file_is_masked_private_and_harmless(
        self, stock: Stock, flask: Flask, tmp_path: Path
    ) -> None:
        bad = ["=cmd|' /C calc'!A0", "@SUM(A1:A9)", "A" * 200, *codes(30)]
        path = text_file(tmp_path, "\n".join([*bad, *bad[3:]]))
        errors = tmp_path / "errors.csv"
        done = flask("import", path, "--sku", stock.sku_code, "--dry-run", "--errors-to", errors)
        assert "and 13 more" in done.output
        with errors.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
        assert rows[0] == ["line", "fault", "code"]
        assert [int(row[0]) for row in rows[1:]] == [1, 2, 3, *range(34, 64)]
        for row in rows[1:]:
            assert row[2].startswith("…")
            assert len(row[2]) <= 3
        assert stat.S_IMODE(errors.stat().st_mode) == 0o600
        shown = done.output + errors.read_text()
        assert not any(code[:8] in shown for code in bad)

    def test_writes_no_errors_over_the_file_itself(
        self, stock: Stock, flask: Flask, tmp_path: Path
    ) -> None:
        path = text_file(tmp_path, codes(1)[0])
        before = path.read_bytes()
        assert flask("import", path, "--sku", stock.sku_code, "--errors-to", path).exit_code == 1
        assert path.read_bytes() == before

    def test_e82_the_same_file_again_is_refused_until_undone(
        self, stock: Stock, flask: Flask, tmp_path: Path
    ) -> None:
        path = text_file(tmp_path, "\n".join(codes(3)))
        assert flask("import", path, "--sku", stock.sku_code).exit_code == 0
        again = flask("import", path, "--sku", stock.sku_code, "--skip-bad")
        assert (again.exit_code, "imported before" in again.output) == (1, True)
        with stock.begin() as session:
            batch_id = session.scalars(select(Batch.id)).one()
        assert "3 cards removed" in flask("undo", batch_id).output
        assert flask("import", path, "--sku", stock.sku_code).exit_code == 0
        assert stock.counts() == {"free": 3}

    @pytest.mark.parametrize("content", ["", "\n\n", "code,password\n", "code\n=1+1\n"])
    def test_refuses_a_file_without_codes(
        self, stock: Stock, flask: Flask, tmp_path: Path, content: str
    ) -> None:
        done = flask("import", text_file(tmp_path, content), "--sku", stock.sku_code, "--skip-bad")
        assert (done.exit_code, stock.counts()) == (1, {})

    def test_refuses_an_unknown_sku(self, flask: Flask, tmp_path: Path) -> None:
        for sku in ("no-such-sku", uuid4()):
            done = flask("import", text_file(tmp_path, "ABCD1234"), "--sku", sku)
            assert (done.exit_code, "there is no SKU" in done.output) == (1, True)


class TestImportFile:
    def test_refuses_a_file_that_changed_meanwhile(self, stock: Stock, tmp_path: Path) -> None:
        path = text_file(tmp_path, "AAAA1111\nBBBB2222\n")
        looked = importing.look_through(stock.begin, stock.vault, path, now=stock.now)
        path.write_text("AAAA1111\nCCCC3333\n")
        with pytest.raises(FileChanged):
            self.take_in(stock, looked)
        assert stock.counts() == {}

    def test_refuses_when_a_code_came_in_meanwhile(self, stock: Stock, tmp_path: Path) -> None:
        path = text_file(tmp_path, "AAAA1111\nBBBB2222\n")
        looked = importing.look_through(stock.begin, stock.vault, path, now=stock.now)
        stock.add("aaaa-1111")
        with pytest.raises(FileChanged):
            self.take_in(stock, looked)
        assert stock.counts() == {"free": 1}

    def test_refuses_faults_unless_they_may_be_left_out(self, stock: Stock, tmp_path: Path) -> None:
        path = text_file(tmp_path, "AAAA1111\nAAA\n")
        looked = importing.look_through(stock.begin, stock.vault, path, now=stock.now)
        with pytest.raises(FileHasFaults):
            self.take_in(stock, looked)

    @pytest.mark.race
    def test_one_at_a_time(self, real_stock: Stock, tmp_path: Path) -> None:
        path = text_file(tmp_path, "AAAA1111\n")
        begin = real_stock.begin
        looked = importing.look_through(begin, real_stock.vault, path, now=real_stock.now)
        with begin() as session:
            session.execute(text("SELECT pg_advisory_xact_lock(7305914862)"))
            with pytest.raises(ImportRunning):
                self.take_in(real_stock, looked)
        self.take_in(real_stock, looked)
        with pytest.raises(FileKnown):
            self.take_in(real_stock, looked)

    def test_refuses_too_many_lines(
        self, stock: Stock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(importing, "MOST_LINES", 10)
        path = text_file(tmp_path, "\n".join(codes(11)))
        with pytest.raises(FileRefused):
            importing.look_through(stock.begin, stock.vault, path, now=stock.now)

    @staticmethod
    def take_in(stock: Stock, looked: importing.Looked) -> object:
        return importing.import_file(
            stock.begin, stock.vault, looked, sku_id=stock.sku_id, now=stock.now
        )

    def test_e83_memory_hardly_grows_with_the_file(self, tmp_path: Path) -> None:
        """100,000 lines are read and told apart in little more than the hashes need."""
        path = tmp_path / "codes.csv"
        with path.open("w") as file:
            for number in range(100_000):
                file.write(f"CODE-{number:012d},{number:08d},2030-12-31\n")
        child = (
            "import sys, resource; from datetime import UTC, datetime; from pathlib import Path\n"
            "from shop.cards.importing import read_cards\n"
            "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
            "before = peak()\n"
            "now = datetime(2026, 11, 20, tzinfo=UTC)\n"
            "count = sum(1 for _ in read_cards(Path(sys.argv[1]), now=now))\n"
            "print(count, peak() - before)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", child, str(path)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=60,
            check=True,
        )
        count, grown = map(int, done.stdout.split())
        assert count == 100_000
        assert grown < 8 * 1024  # kilobytes


class TestBatches:
    def test_lists_freezes_and_unfreezes(self, stock: Stock, flask: Flask) -> None:
        added = stock.add(count=3)
        stock.sold()
        listed = flask("batches", "--sku", stock.sku_code).output
        assert f"{added.batch_id}  2026-11-20 12:00  open" in listed
        assert "1 delivered, 2 free  key v1  codes.csv  supplier" in listed
        assert flask("freeze", added.batch_id).exit_code == 0
        assert "frozen" in flask("batches").output
        assert flask("freeze", added.batch_id).exit_code == 1
        assert flask("unfreeze", added.batch_id).exit_code == 0
        refused = flask("undo", added.batch_id)
        assert (refused.exit_code, "Cards of the batch were sold" in refused.output) == (1, True)
        assert flask("undo", uuid4()).exit_code == 1


class TestKeys:
    def test_e80_rotate_says_what_is_left(self, stock: Stock, flask: Flask) -> None:
        old, index = b"o" * 32, b"i" * 32
        stock.vault = Vault({"v1": old}, current="v1", index_key=index)
        for _ in range(3):
            stock.add(count=1)
        stock.vault = Vault({"v1": old, "v2": b"n" * 32}, current="v2", index_key=index)
        some = flask("rotate", "--limit", 2).output
        assert "2 batch keys wrapped anew" in some
        assert "v1: 1 batches left" in some
        assert "no batch needs" not in some
        rest = flask("rotate").output
        assert "no batch needs any master key but v2" in rest
        assert "3 batch keys and 3 codes open" in flask("verify").output

    def test_e81_verify_is_loud(self, stock: Stock, flask: Flask) -> None:
        stock.add(count=1)
        stock.vault = Vault({"v2": b"n" * 32}, current="v2", index_key=b"i" * 32)
        done = flask("verify")
        assert done.exit_code == 1
        assert "THE VAULT IS BROKEN: master key 'v1' is gone" in done.output
        assert flask("rotate").exit_code == 1
        with stock.begin() as session:
            assert rotation.count_by_master_key(session) == {"v1": 1}
            assert len(session.scalars(select(Card)).all()) == 1
