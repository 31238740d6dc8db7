"""Fresh card codes for the door's tests."""

from datetime import datetime
from uuid import UUID, uuid4

from kit.db import Begin
from shop.cards.batches import NewCard, Origin, add_batch
from shop.cards.vault import CardSecret, Vault


def import_codes(begin: Begin, vault: Vault, sku_id: UUID, count: int, *, now: datetime) -> None:
    """Put `count` fresh codes of a SKU into the vault."""
    cards = [NewCard(line + 1, CardSecret(uuid4().hex)) for line in range(count)]
    with begin() as session:
        add_batch(
            session, vault, sku_id=sku_id, cards=cards, origin=Origin("test.csv", "0" * 64), now=now
        )
