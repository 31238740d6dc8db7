"""Master keys: wrapped anew while selling goes on, killed at any point, proved afterwards."""

import json
import os
import signal
import subprocess
import sys
import threading
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from kit.crypto import new_key
from kit.faultpoints import VARIABLE
from shop.cards import rotation
from shop.cards.models import Batch, Card
from shop.cards.vault import Vault, VaultBroken
from tests.servers import ROOT
from tests.shop.cards.stock import Stock

OLD, NEW, INDEX = new_key(), new_key(), new_key()
BEFORE = Vault({"v1": OLD}, current="v1", index_key=INDEX)
BOTH = Vault({"v1": OLD, "v2": NEW}, current="v2", index_key=INDEX)
AFTER = Vault({"v2": NEW}, current="v2", index_key=INDEX)

CHILD = """
import json, sys
from kit.db import make_begin, make_engine
from shop.cards import rotation
from shop.cards.vault import Vault
import app.tables
given = json.load(sys.stdin)
keys = {version: bytes.fromhex(key) for version, key in given["keys"].items()}
vault = Vault(keys, current="v2", index_key=bytes.fromhex(given["index"]))
rotation.AT_ONCE = 3
print(rotation.rotate(make_begin(make_engine(given["url"])), vault))
"""


def counts(stock: Stock) -> dict[str, int]:
    with stock.begin() as session:
        return dict(rotation.count_by_master_key(session))


def filled(stock: Stock, batches: int) -> Stock:
    stock.vault = BEFORE
    for _ in range(batches):
        stock.add(count=2)
    return stock


class TestRotate:
    def test_wraps_every_batch_by_the_current_key(self, stock: Stock) -> None:
        filled(stock, 7)
        assert rotation.rotate(stock.begin, BOTH) == 7
        assert counts(stock) == {"v2": 7}
        assert rotation.rotate(stock.begin, BOTH) == 0
        assert rotation.prove(stock.begin, AFTER, sample=100) == rotation.Opened(7, 14)

    def test_no_more_than_asked(self, stock: Stock) -> None:
        filled(stock, 5)
        assert rotation.rotate(stock.begin, BOTH, most=2) == 2
        assert counts(stock) == {"v1": 3, "v2": 2}
        # Both keys are needed until nothing refers to the old one.
        assert rotation.prove(stock.begin, BOTH, sample=100).cards == 10
        with pytest.raises(VaultBroken, match="'v1' is gone"):
            rotation.prove(stock.begin, AFTER, sample=0)

    def test_e81_a_key_that_does_not_open_stops_it_loudly(self, stock: Stock) -> None:
        filled(stock, 1)
        wrong = Vault({"v1": NEW, "v2": OLD}, current="v2", index_key=INDEX)
        with pytest.raises(VaultBroken):
            rotation.rotate(stock.begin, wrong)
        assert counts(stock) == {"v1": 1}

    @pytest.mark.race
    def test_e80_killed_again_and_again_everything_still_opens(
        self, real_stock: Stock, database_url: str
    ) -> None:
        filled(real_stock, 10)
        given = json.dumps(
            {
                "url": database_url,
                "keys": {"v1": OLD.hex(), "v2": NEW.hex()},
                "index": INDEX.hex(),
            }
        )
        left = []
        for place in (
            "cards.rotate.after_rewrap:1",
            "cards.rotate.before_commit:1",
            "cards.rotate.before_commit:2",
            "cards.rotate.after_rewrap:5",
            "cards.rotate.after_rewrap:2",
        ):
            killed = subprocess.run(
                [sys.executable, "-c", CHILD],
                input=given,
                text=True,
                capture_output=True,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), VARIABLE: place},
                timeout=60,
                check=False,
            )
            assert killed.returncode == -signal.SIGKILL, killed.stderr
            assert rotation.prove(real_stock.begin, BOTH, sample=100).cards == 20
            left.append(counts(real_stock).get("v1", 0))
        assert left == [10, 10, 7, 4, 4]  # what was committed stays done
        with pytest.raises(VaultBroken):
            rotation.prove(real_stock.begin, AFTER, sample=100)
        assert rotation.rotate(real_stock.begin, BOTH) == 4
        assert counts(real_stock) == {"v2": 10}
        assert rotation.prove(real_stock.begin, AFTER, sample=100).cards == 20

    @pytest.mark.race
    def test_e80_while_selling(self, real_stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
        filled(real_stock, 20)
        monkeypatch.setattr(rotation, "AT_ONCE", 1)
        real_stock.vault = BOTH
        done: list[int] = []
        rotating = [
            threading.Thread(target=lambda: done.append(rotation.rotate(real_stock.begin, BOTH)))
            for _ in range(2)
        ]
        for thread in rotating:
            thread.start()
        for _ in range(20):
            _, (card_id,) = real_stock.sold()
            assert real_stock.reveal(card_id).code
        for thread in rotating:
            thread.join(20)
        assert sum(done) == 20
        real_stock.vault = AFTER
        for _ in range(20):
            _, (card_id,) = real_stock.sold()
            assert real_stock.reveal(card_id).code
        real_stock.check()


class TestProve:
    def test_e77_finds_a_changed_card(self, stock: Stock) -> None:
        filled(stock, 2)
        with stock.begin() as session:
            first = session.scalars(select(Card).limit(1)).one()
            session.execute(
                update(Card).where(Card.id == first.id).values(sealed=bytes(len(first.sealed)))
            )
        with pytest.raises(VaultBroken, match=str(first.id)):
            rotation.prove(stock.begin, BEFORE, sample=100)

    def test_finds_another_index_key(self, stock: Stock) -> None:
        filled(stock, 1)
        other = Vault({"v1": OLD}, current="v1", index_key=new_key())
        with pytest.raises(VaultBroken, match="blind index"):
            rotation.prove(stock.begin, other, sample=100)

    def test_finds_a_changed_batch_key_however_many_there_are(self, stock: Stock) -> None:
        filled(stock, rotation.AT_ONCE + 1)
        with stock.begin() as session:
            last = session.scalars(select(Batch).order_by(Batch.id.desc()).limit(1)).one()
            session.execute(
                update(Batch).where(Batch.id == last.id).values(wrapped_key=uuid4().bytes * 4)
            )
        with pytest.raises(VaultBroken, match=str(last.id)):
            rotation.prove(stock.begin, BEFORE, sample=0)
