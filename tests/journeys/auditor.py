"""What `flask audit` and `flask sample sku` do, without the start of a process for each."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.auditing.audit import audit
from app.samples import make_sku
from kit.clock import utc_now
from kit.db import Begin, make_begin, make_engine
from kit.money import Fen
from shop.cards.vault import Vault
from tests.journeys.people import eventually, no_more_trouble
from tests.running_shop import RunningShop


def assert_sound(shop: RunningShop) -> None:
    """The auditor finds nothing, by what is in our database and in the platforms' books."""
    no_more_trouble(shop)
    last: list[dict[str, Any]] = []

    def look() -> bool:
        # A refund may still be on its way when the story is told.
        with begin_of(shop) as begin, begin() as session:
            books = shop.sandbox.get("books")
            last[:] = audit(session, vault_of(shop), books=books, now=utc_now()).violations
        return not last

    try:
        eventually(look, within_seconds=30, what="the audit finds nothing")
    except AssertionError:
        raise AssertionError(f"{last}\n{shop.last_words()}") from None


def assert_audit_command(shop: RunningShop) -> None:
    """The command itself says the same, in one line, with the books of the platforms compared."""
    done = shop.flask("audit")
    assert done.returncode == 0, done.stdout
    said = json.loads(done.stdout.strip().splitlines()[-1])
    assert said["violations"] == []
    assert "I9.platforms_agree" in said["checked"]


def new_sku(shop: RunningShop, *, stock: int, price_fen: int = 1880) -> str:
    """Put something new on sale and return its id."""
    with begin_of(shop) as begin:
        sku = make_sku(begin, vault_of(shop), stock=stock, price_fen=Fen(price_fen), now=utc_now())
    return str(sku.id)


@contextmanager
def begin_of(shop: RunningShop) -> Iterator[Begin]:
    """Yield `begin` on the shop's database."""
    engine = make_engine(shop.database_url, pool_size=1, max_overflow=0)
    try:
        yield make_begin(engine)
    finally:
        engine.dispose()


def vault_of(shop: RunningShop) -> Vault:
    """Return the shop's vault."""
    keys = json.loads(shop.settings["VAULT__MASTER_KEYS"])
    return Vault(
        {version: base64.b64decode(key) for version, key in keys.items()},
        current=shop.settings["VAULT__CURRENT_MASTER_KEY"],
        index_key=base64.b64decode(shop.settings["SECRETS__CARD_INDEX_KEY"]),
    )
