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
    """A payment or refund as one of the three sides has it, under its number."""

    number: str
    amount_fen: Fen


@dataclass(frozen=True, slots=True)
class OurEntry:
    """A payment or refund of ours, with what the ledger posted for it (None: nothing)."""

    number: str
    amount_fen: Fen
    ledger_fen: Fen | None


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


def match(
    kind: BillRowKind, *, theirs: Sequence[Entry], ours: Sequence[OurEntry], known: set[str]
) -> list[Found]:
    """Return every disagreement among the rows of one kind, each number named once per kind.

    `ours` are the facts of the day; `known` are all numbers we ever gave out among `theirs`.
    """
    missing_here, missing_there, amount_differs = _KINDS[kind]
    bill = {entry.number: entry for entry in theirs}
    book = {entry.number: entry for entry in ours}
    found = list(_duplicates(theirs))
    for number, entry in bill.items():
        if number not in known:
            found.append(Found(D.UNKNOWN_NUMBER, number, {"bill_fen": entry.amount_fen}))
        elif number not in book:
            found.append(Found(missing_here, number, {"bill_fen": entry.amount_fen}))
        elif book[number].amount_fen != entry.amount_fen:
            amounts = {"bill_fen": entry.amount_fen, "our_fen": book[number].amount_fen}
            found.append(Found(amount_differs, number, amounts))
    found += [
        Found(missing_there, number, {"our_fen": entry.amount_fen})
        for number, entry in book.items()
        if number not in bill
    ]
    return found + list(_ledger_differences(ours))


def _duplicates(theirs: Iterable[Entry]) -> Iterable[Found]:
    for number, count in Counter(entry.number for entry in theirs).items():
        if count > 1:
            yield Found(D.DUPLICATE_ROW, number, {"rows": count})


def _ledger_differences(ours: Iterable[OurEntry]) -> Iterable[Found]:
    for entry in ours:
        if entry.ledger_fen is None:
            yield Found(D.LEDGER_MISSING, entry.number, {"our_fen": entry.amount_fen})
        elif entry.ledger_fen != entry.amount_fen:
            amounts = {"our_fen": entry.amount_fen, "ledger_fen": entry.ledger_fen}
            yield Found(D.LEDGER_AMOUNT, entry.number, amounts)
