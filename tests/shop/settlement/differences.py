"""Fifty kinds of disagreement between a bill and the books, each with what must be said of it."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from kit.money import Fen
from shop.payments.gateway import BillRow, BillRowKind
from shop.settlement.models import DifferenceKind as D
from tests.factories.owning import plant

Told = set[tuple[D, str]]


@dataclass
class Day:
    """A day's bill in the hands of somebody who spoils it, and the books behind it."""

    session: Session
    rows: list[BillRow]
    foreign: list[BillRow]  # the other platform's rows of the day
    earlier: list[BillRow]  # this platform's rows of the day before
    rng: random.Random

    def pick(self, kind: BillRowKind) -> BillRow:
        """Choose a row."""
        return self.rng.choice([row for row in self.rows if row.kind is kind])

    def put(self, old: BillRow, *new: BillRow) -> None:
        """Write other rows in place of one."""
        at = self.rows.index(old)
        self.rows[at : at + 1] = new

    def drop(self, rows: Iterable[BillRow]) -> None:
        """Leave rows out."""
        gone = set(map(id, rows))
        self.rows[:] = [row for row in self.rows if id(row) not in gone]

    def of(self, kind: BillRowKind) -> list[BillRow]:
        """Return the rows of a kind."""
        return [row for row in self.rows if row.kind is kind]


PAYMENT, REFUND = BillRowKind.PAYMENT, BillRowKind.REFUND
MISSING_THERE = {PAYMENT: D.PAYMENT_MISSING_THERE, REFUND: D.REFUND_MISSING_THERE}
AMOUNT = {PAYMENT: D.PAYMENT_AMOUNT, REFUND: D.REFUND_AMOUNT}
LEG = {PAYMENT: "captured", REFUND: "done"}
TABLE = {PAYMENT: ("payments", "out_trade_no"), REFUND: ("refunds", "out_refund_no")}
Spoiler = Callable[[Day, BillRowKind], Told]


def number(row: BillRow) -> str:
    """Return the number that a difference about the row is filed under."""
    return row.out_trade_no if row.kind is PAYMENT else row.out_refund_no or row.out_trade_no


def renamed(row: BillRow, name: str) -> BillRow:
    """Return the row under another number of its kind."""
    return replace(row, **{"out_trade_no" if row.kind is PAYMENT else "out_refund_no": name})


def missing(day: Day, kind: BillRowKind) -> Told:
    """One row is not in the bill."""
    row = day.pick(kind)
    day.drop([row])
    return {(MISSING_THERE[kind], number(row))}


def all_missing(day: Day, kind: BillRowKind) -> Told:
    """No row of the kind is in the bill."""
    rows = day.of(kind)
    day.drop(rows)
    return {(MISSING_THERE[kind], number(row)) for row in rows}


def amount(change: Callable[[int], int]) -> Spoiler:
    """The bill tells another amount."""

    def spoil(day: Day, kind: BillRowKind) -> Told:
        row = day.pick(kind)
        day.put(row, replace(row, amount_fen=Fen(change(row.amount_fen))))
        return {(AMOUNT[kind], number(row))}

    return spoil


def twice(day: Day, kind: BillRowKind) -> Told:
    """One row stands twice."""
    row = day.pick(kind)
    day.put(row, row, row)
    return {(D.DUPLICATE_ROW, number(row))}


def twice_otherwise(day: Day, kind: BillRowKind) -> Told:
    """One row stands twice, the second time with another amount."""
    row = day.pick(kind)
    day.put(row, replace(row, amount_fen=Fen(row.amount_fen + 1)), row)
    return {(D.DUPLICATE_ROW, number(row)), (AMOUNT[kind], number(row))}


def unknown(day: Day, kind: BillRowKind) -> Told:
    """A row more, of nobody."""
    day.rows.append(renamed(day.pick(kind), "NOBODYS-NUMBER"))
    return {(D.UNKNOWN_NUMBER, "NOBODYS-NUMBER")}


def misspelt(day: Day, kind: BillRowKind) -> Told:
    """One character of a number is another."""
    row = day.pick(kind)
    wrong = number(row)[:-1] + ("#" if number(row)[-1] != "#" else "!")
    day.put(row, renamed(row, wrong))
    return {(D.UNKNOWN_NUMBER, wrong), (MISSING_THERE[kind], number(row))}


def tied_to_another(day: Day, kind: BillRowKind) -> Told:
    """Our number, under a transaction or a trade that we do not know for it."""
    row = day.pick(kind)
    field = "transaction_no" if kind is PAYMENT else "out_trade_no"
    day.put(row, replace(row, **{field: "ANOTHER"}))
    return {(D.UNKNOWN_NUMBER, number(row))}


def foreign(day: Day, kind: BillRowKind) -> Told:
    """A row that belongs in the other platform's bill."""
    row = next(row for row in day.foreign if row.kind is kind)
    day.rows.append(row)
    return {(D.UNKNOWN_NUMBER, number(row))}


def again(day: Day, kind: BillRowKind) -> Told:
    """A row that stood in yesterday's bill already."""
    row = next(row for row in day.earlier if row.kind is kind)
    day.rows.append(row)
    return {(D.DUPLICATE_ROW, number(row))}


def swapped(day: Day, kind: BillRowKind) -> Told:
    """Two rows have exchanged their numbers, and so their amounts or what they belong to."""
    first, second = day.of(kind)[:2]
    day.put(first, renamed(first, number(second)))
    day.put(second, renamed(second, number(first)))
    return {(D.UNKNOWN_NUMBER, number(row)) for row in (first, second)}


def other_kind(day: Day, kind: BillRowKind) -> Told:
    """A payment written as a refund, or the other way round."""
    row = day.pick(kind)
    wrong: dict[str, Any] = {"kind": REFUND if kind is PAYMENT else PAYMENT}
    if kind is REFUND:
        wrong["out_trade_no"] = f"{row.out_trade_no}X"
    wrong_row = replace(row, **wrong)
    day.put(row, wrong_row)
    return {(D.UNKNOWN_NUMBER, number(wrong_row)), (MISSING_THERE[kind], number(row))}


def unposted(day: Day, kind: BillRowKind) -> Told:
    """The ledger lacks the posting."""
    row = day.pick(kind)
    plant(day.session, f"DELETE FROM transfers WHERE {_posting(kind)}", number=number(row))
    return {(D.LEDGER_MISSING, number(row))}


def posted_otherwise(day: Day, kind: BillRowKind) -> Told:
    """The ledger has another amount."""
    row = day.pick(kind)
    sql = f"UPDATE transfers SET amount_fen = amount_fen + 1 WHERE {_posting(kind)}"
    plant(day.session, sql, number=number(row))
    return {(D.LEDGER_AMOUNT, number(row))}


def posted_elsewhere(day: Day, kind: BillRowKind) -> Told:
    """The ledger has it on the other platform's account."""
    row = day.pick(kind)
    side = "debit_account_id" if kind is PAYMENT else "credit_account_id"
    sql = (
        f"UPDATE transfers SET {side} = (SELECT id FROM accounts WHERE kind = 'clearing'"
        f" AND id <> {side}) WHERE {_posting(kind)}"
    )
    plant(day.session, sql, number=number(row))
    return {(D.LEDGER_MISSING, number(row))}


def not_done_here(day: Day, kind: BillRowKind) -> Told:
    """The platform did it and we never heard."""
    row = day.pick(kind)
    table, column = TABLE[kind]
    undone = {
        PAYMENT: "status = 'closed', captured_at = NULL, transaction_no = NULL",
        REFUND: "status = 'sent', done_at = NULL",
    }
    plant(
        day.session,
        f"UPDATE {table} SET {undone[kind]} WHERE {column} = :number",
        number=number(row),
    )
    here = D.PAYMENT_MISSING_HERE if kind is PAYMENT else D.REFUND_MISSING_HERE
    return {(here, number(row))}


def other_amount_here(day: Day, kind: BillRowKind) -> Told:
    """Our own row tells another amount than bill and ledger."""
    row = day.pick(kind)
    table, column = TABLE[kind]
    sql = f"UPDATE {table} SET amount_fen = amount_fen + 1 WHERE {column} = :number"
    plant(day.session, sql, number=number(row))
    return {(AMOUNT[kind], number(row)), (D.LEDGER_AMOUNT, number(row))}


def at_the_desk(day: Day, _: BillRowKind) -> Told:
    """Somebody refunded at the platform's own desk, without a number of ours."""
    row = day.pick(REFUND)
    day.rows.append(replace(row, out_refund_no=None))
    return {(D.UNKNOWN_NUMBER, row.out_trade_no)}


def _posting(kind: BillRowKind) -> str:
    table, column = TABLE[kind]
    return f"leg = '{LEG[kind]}' AND cause_id = (SELECT id FROM {table} WHERE {column} = :number)"


BOTH: dict[str, Spoiler] = {
    "missing": missing,
    "all missing": all_missing,
    "one fen more": amount(lambda fen: fen + 1),
    "one fen less": amount(lambda fen: fen - 1),
    "yuan for fen": amount(lambda fen: fen * 100),
    "fen for yuan": amount(lambda fen: fen // 100),
    "nothing": amount(lambda _: 0),
    "twice": twice,
    "twice otherwise": twice_otherwise,
    "unknown": unknown,
    "misspelt": misspelt,
    "tied to another": tied_to_another,
    "foreign": foreign,
    "again": again,
    "swapped": swapped,
    "other kind": other_kind,
    "unposted": unposted,
    "posted otherwise": posted_otherwise,
    "posted elsewhere": posted_elsewhere,
    "not done here": not_done_here,
    "other amount here": other_amount_here,
}
KINDS: dict[str, tuple[Spoiler, BillRowKind]] = {
    f"{kind.value}: {name}": (spoiler, kind) for name, spoiler in BOTH.items() for kind in LEG
} | {"refund: at the desk": (at_the_desk, REFUND)}
