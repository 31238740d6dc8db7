"""Pure matching of one day: the platform's bill, our payments and refunds, and the ledger."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kit.money import Fen
from shop.payments.gateway import BillRowKind
from shop.settlement.models import DifferenceKind

D = DifferenceKind


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the bill under our number.

    `belongs_to` is what ties it down: the platform's transaction of a payment, our trade of a
    refund.
    """

    number: str
    amount_fen: Fen
    belongs_to: str


@dataclass(frozen=True, slots=True)
class OurEntry:
    """A payment or refund of ours, with what the ledger posted for it (None: nothing)."""

    number: str
    amount_fen: Fen
    belongs_to: str
    ledger_fen: Fen | None


@dataclass(frozen=True, slots=True)
class Books:
    """What we know that bears on a bill."""

    of_day: Sequence[OurEntry]  # done on the day by our books
    named: Sequence[OurEntry]  # done whenever, and named by the bill
    known: frozenset[str]  # numbers named by the bill that we gave out on this channel at all
    billed_before: frozenset[str]  # numbers that stand in the stored bills of the days before
    billed_after: frozenset[str]  # and of the days after


@dataclass(frozen=True, slots=True)
class Found:
    """One disagreement."""

    kind: DifferenceKind
    number: str
    detail: Mapping[str, Any]


_KINDS = {
    BillRowKind.PAYMENT: (D.PAYMENT_MISSING_HERE, D.PAYMENT_MISSING_THERE, D.PAYMENT_AMOUNT),
    BillRowKind.REFUND: (D.REFUND_MISSING_HERE, D.REFUND_MISSING_THERE, D.REFUND_AMOUNT),
}


def match(kind: BillRowKind, *, theirs: Sequence[Entry], books: Books) -> list[Found]:
    """Return every disagreement among the rows of one kind, each number named once per kind.

    A fact of ours may stand in the bill of a neighbouring day, when it happened at midnight.
    """
    billed = {entry.number for entry in theirs}
    elsewhere = books.billed_before | books.billed_after
    found = [
        *_duplicates(theirs, books.billed_before),
        *_wrong_rows(kind, theirs, books),
        *(
            Found(_KINDS[kind][1], entry.number, {"our_fen": entry.amount_fen})
            for entry in books.of_day
            if entry.number not in billed | elsewhere
        ),
        *_ledger_differences(books.of_day),
    ]
    # Of two rows under one number the first that is wrong speaks for both.
    return list({(item.kind, item.number): item for item in reversed(found)}.values())[::-1]


def _wrong_rows(kind: BillRowKind, theirs: Sequence[Entry], books: Books) -> Iterable[Found]:
    missing_here, _, amount_differs = _KINDS[kind]
    ours = {entry.number: entry for entry in books.named}
    for entry in theirs:
        known = ours.get(entry.number)
        if entry.number not in books.known:
            yield Found(D.UNKNOWN_NUMBER, entry.number, {"bill_fen": entry.amount_fen})
        elif known is None:
            yield Found(missing_here, entry.number, {"bill_fen": entry.amount_fen})
        elif known.belongs_to != entry.belongs_to:
            names = {"bill_names": entry.belongs_to, "we_know": known.belongs_to}
            yield Found(D.UNKNOWN_NUMBER, entry.number, names)
        elif known.amount_fen != entry.amount_fen:
            amounts = {"bill_fen": entry.amount_fen, "our_fen": known.amount_fen}
            yield Found(amount_differs, entry.number, amounts)


def _duplicates(theirs: Sequence[Entry], billed_before: frozenset[str]) -> Iterable[Found]:
    for number, count in Counter(entry.number for entry in theirs).items():
        if count > 1:
            yield Found(D.DUPLICATE_ROW, number, {"rows": count})
        elif number in billed_before:
            yield Found(D.DUPLICATE_ROW, number, {"rows": count, "billed_before": True})


def _ledger_differences(ours: Iterable[OurEntry]) -> Iterable[Found]:
    for entry in ours:
        if entry.ledger_fen is None:
            yield Found(D.LEDGER_MISSING, entry.number, {"our_fen": entry.amount_fen})
        elif entry.ledger_fen != entry.amount_fen:
            amounts = {"our_fen": entry.amount_fen, "ledger_fen": entry.ledger_fen}
            yield Found(D.LEDGER_AMOUNT, entry.number, amounts)
