"""One audit: every invariant of the database, the proofs of the ledger, a sample of the vault."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import TextClause, func, select, text
from sqlalchemy.orm import Session

from app.auditing.approval_invariants import APPROVAL_INVARIANTS
from app.auditing.books import compare_books
from app.auditing.campaign_invariants import CAMPAIGN_INVARIANTS
from app.auditing.invariants import INVARIANTS
from app.auditing.outreach_invariants import OUTREACH_INVARIANTS
from app.auditing.pushed_invariants import PUSHED_INVARIANTS
from app.auditing.referral_invariants import REFERRAL_INVARIANTS
from app.auditing.report_invariants import REPORT_INVARIANTS
from app.auditing.sale_invariants import SALE_INVARIANTS
from app.auditing.sheet_invariants import SHEET_INVARIANTS
from app.auditing.withdrawal_invariants import WITHDRAWAL_INVARIANTS
from shop.cards.models import Batch, Card
from shop.cards.vault import Vault, VaultBroken, WrappedKey
from shop.ledger.proofs import prove

MOST_SHOWN: Final = 20  # of what one invariant found
SAMPLE: Final = 200
EVERY_INVARIANT: Final = (
    *INVARIANTS,
    *CAMPAIGN_INVARIANTS,
    *SHEET_INVARIANTS,
    *SALE_INVARIANTS,
    *REFERRAL_INVARIANTS,
    *OUTREACH_INVARIANTS,
    *PUSHED_INVARIANTS,
    *WITHDRAWAL_INVARIANTS,
    *APPROVAL_INVARIANTS,
    *REPORT_INVARIANTS,
)


@dataclass(slots=True)
class Audit:
    """What was checked, and what was found."""

    checked: list[str] = field(default_factory=list)
    violations: list[dict[str, Any]] = field(default_factory=list)

    def note(self, name: str, says: str, found: list[str]) -> None:
        """Write down one check and what breaks it."""
        self.checked.append(name)
        if found:
            self.violations.append(
                {"invariant": name, "says": says, "count": len(found), "found": found[:MOST_SHOWN]}
            )

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"checked": self.checked, "violations": self.violations}


def audit(
    session: Session, vault: Vault, *, books: Mapping[str, Any] | None, now: datetime
) -> Audit:
    """Check everything in one snapshot; `books` are the sandbox's, None with real platforms."""
    done = Audit()
    connection = session.connection()
    for invariant in EVERY_INVARIANT:
        given = {"now": now} if ":now" in invariant.sql else {}
        rows = connection.execute(_statement(invariant.sql), given)
        done.note(invariant.name, invariant.says, [str(row[0]) for row in rows])
    done.note("I1-I5.ledger_adds_up", "the ledger proves itself", prove(session))
    done.note("I23.cards_open", "sealed codes open as their own card's", _open_some(session, vault))
    if books is not None:
        done.note(
            "I9.platforms_agree", "platforms' books equal ours", compare_books(session, books)
        )
    return done


@cache
def _statement(sql: str) -> TextClause:
    """Return it parsed, once for all audits of this process."""
    return text(sql)


def _open_some(session: Session, vault: Vault) -> list[str]:
    """Open a random sample and throw it away; only ids of what does not open are told."""
    broken: list[str] = []
    sample = select(Card, Batch).join(Batch, Batch.id == Card.batch_id)
    for card, batch in session.execute(sample.order_by(func.random()).limit(SAMPLE)):
        try:
            wrapped = WrappedKey(batch.wrapped_key, batch.master_key_version)
            secret = vault.open_batch(batch.id, wrapped).open(card.id, card.sealed)
        except VaultBroken as error:
            broken.append(str(error))
            continue
        if vault.blind_index(secret.code) != card.blind_index:
            broken.append(f"card {card.id} is not the one it is known as")
    return broken
