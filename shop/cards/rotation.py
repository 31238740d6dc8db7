"""The master keys over the years: wrapping batch keys anew, and proving that every code opens."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kit.crypto import same
from kit.db import Begin
from kit.faultpoints import faultpoint
from shop.cards.models import Batch, Card
from shop.cards.vault import BatchKey, Vault, VaultBroken, WrappedKey

AT_ONCE: Final = 50  # batches per transaction


@dataclass(frozen=True, slots=True)
class Opened:
    """What was proved to open."""

    batches: int
    cards: int


def count_by_master_key(session: Session) -> Mapping[str, int]:
    """Return master key version → batches that it wraps; a version in it must not be retired."""
    rows = session.execute(
        select(Batch.master_key_version, func.count()).group_by(Batch.master_key_version)
    )
    return {version: int(count) for version, count in rows}


def rotate(begin: Begin, vault: Vault, *, most: int | None = None) -> int:
    """Wrap batch keys by the current master key, at most so many; return how many.

    Selling goes on meanwhile. Each small transaction holds alone: killed at any point, the next
    call takes up what is left. Raises `VaultBroken` when a key does not open.
    """
    done = 0
    while most is None or done < most:
        with begin() as session:
            rewrapped = _rotate_some(
                session, vault, AT_ONCE if most is None else min(AT_ONCE, most - done)
            )
        if rewrapped == 0:
            break
        done += rewrapped
    return done


def prove(begin: Begin, vault: Vault, *, sample: int) -> Opened:
    """Open every batch key and `sample` cards drawn by lot; the first fault is `VaultBroken`.

    A code must also hash to its own blind index, or the index key is not the one of the import.
    """
    batches = 0
    last = UUID(int=0)
    while True:
        with begin() as session:
            some = session.scalars(
                select(Batch).where(Batch.id > last).order_by(Batch.id).limit(AT_ONCE)
            ).all()
        if not some:
            break
        for batch in some:
            _open(vault, batch)
        batches, last = batches + len(some), some[-1].id
    with begin() as session:
        drawn = session.execute(
            select(Card, Batch)
            .join(Batch, Batch.id == Card.batch_id)
            .order_by(func.random())
            .limit(sample)
        ).all()
    for card, batch in drawn:
        secret = _open(vault, batch).open(card.id, card.sealed)
        if not same(vault.blind_index(secret.code), card.blind_index):
            raise VaultBroken(f"card {card.id} opens, but is not the code of its blind index")
    return Opened(batches, len(drawn))


def _rotate_some(session: Session, vault: Vault, most: int) -> int:
    batches = session.scalars(
        select(Batch)
        .where(Batch.master_key_version != vault.current_version)
        .order_by(Batch.id)
        .limit(most)
        .with_for_update()
    ).all()
    for batch in batches:
        key = vault.rewrap(batch.id, WrappedKey(batch.wrapped_key, batch.master_key_version))
        batch.wrapped_key = key.wrapped
        batch.master_key_version = key.master_key_version
        faultpoint("cards.rotate.after_rewrap")
    session.flush()  # the fault point below stands after the writes
    faultpoint("cards.rotate.before_commit")
    return len(batches)


def _open(vault: Vault, batch: Batch) -> BatchKey:
    return vault.open_batch(batch.id, WrappedKey(batch.wrapped_key, batch.master_key_version))
