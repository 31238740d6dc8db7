"""What must hold after the evening: pure functions of the facts, so that each can be made fail."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from demo.chronicle import Purchase
from demo.facts import Facts, is_final

MOST_SHOWN: Final = 5
LATE_PARTS: Final = frozenset({"late_payer", "too_late_payer", "paid_after_cancelling"})
FALSE_NOTICES: Final = frozenset({"wrong_amount", "bad_signature", "forged"})
DEBIT_ACCOUNTS: Final = ("clearing", "fees", "commissions", "commission_debt")
AT_PLATFORMS: Final = ("clearing", "fees")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold, whether it does, and what was seen."""

    name: str
    ok: bool
    detail: str


# Yields None for each thing looked at that was in order, and words for each that was not.
Looks = Iterator[str | None]
Named = tuple[str, Callable[[Facts], Looks]]


def run_checks(facts: Facts, checks: Sequence[Named] | None = None) -> list[Check]:
    """Return every check, those of single answers last."""
    named = CHECKS if checks is None else checks
    return [_judge(name, look(facts)) for name, look in named] + list(_judge_probes(facts))


def _judge(name: str, looks: Looks) -> Check:
    """Fail when anything was wrong, and also when there was nothing to look at."""
    try:
        seen = list(looks)
    except Exception as failure:  # a check that cannot look has not held
        return Check(name, ok=False, detail=f"{type(failure).__name__}: {failure}")
    wrong = [words for words in seen if words is not None]
    if not seen:
        return Check(name, ok=False, detail="there was nothing to look at")
    if not wrong:
        return Check(name, ok=True, detail=f"{len(seen)} looked at")
    more = f" … and {len(wrong) - MOST_SHOWN} more" if len(wrong) > MOST_SHOWN else ""
    return Check(name, ok=False, detail="; ".join(wrong[:MOST_SHOWN]) + more)


def _judge_probes(facts: Facts) -> Iterator[Check]:
    by_name: dict[str, list[str | None]] = defaultdict(list)
    for probe in facts.probes:
        by_name[probe.name].append(
            None if probe.held else f"{probe.got} instead of {'/'.join(probe.expected)}"
        )
    for name, looks in by_name.items():
        yield _judge(name, iter(looks))


def all_final(facts: Facts) -> Looks:
    """Every order has come to an end, every refund is done, all money paid is known."""
    for one in facts.purchases:
        refunds = [row["status"] for row in rows_of(one, "refunds")]
        yield None if is_final(one) else f"{one.order_no} is {status_of(one)}, refunds {refunds}"


def ended_as_hoped(facts: Facts) -> Looks:
    """Every order ended as its member's story says."""
    for one in facts.purchases:
        hoped = "/".join(sorted(one.hoped))
        yield (
            None
            if status_of(one) in one.hoped
            else f"{one.part}'s {one.order_no} is {status_of(one)}, not {hoped}"
        )


def paid_is_delivered_or_refunded(facts: Facts) -> Looks:
    """Whoever paid has the cards, or the money back."""
    for one in facts.purchases:
        if not one.paid:
            continue
        kept = sum(line["quantity"] - line["refunded_quantity"] for line in rows_of(one, "lines"))
        owned = sum(card["status"] in ("delivered", "revealed") for card in one.cards)
        is_delivered = status_of(one) == "fulfilled" and owned == kept > 0
        is_returned = owned == 0 and refunded(one) == captured(one) > 0
        yield (
            None
            if is_delivered or is_returned
            else f"{one.order_no}: {status_of(one)}, {owned} of {kept} cards, "
            f"{refunded(one)} of {captured(one)} fen back"
        )


def nobody_paid_twice(facts: Facts) -> Looks:
    """What was kept of a member's money is the price of what they kept."""
    for one in facts.purchases:
        price = sum(
            line["unit_price_fen"] * (line["quantity"] - line["refunded_quantity"])
            for line in rows_of(one, "lines")
        )
        owed = price if status_of(one) == "fulfilled" else 0
        kept = captured(one) - refunded(one) + dropped(one)
        yield None if kept == owed else f"{one.order_no}: {kept} fen kept, {owed} fen are the price"


def captured_is_paid(facts: Facts) -> Looks:
    """What the shop booked is what was paid at the cashiers, trade by trade at its price."""
    for one in facts.purchases:
        trades = [_trade(facts, channel, number) for number, channel in one.paid.items()]
        paid = sum(row["total_fen"] for row in trades if row["transaction_no"] is not None)
        fits = paid == captured(one) == one.total_fen * len(one.paid)
        yield None if fits else f"{one.order_no}: {paid} fen paid, {captured(one)} fen booked"


def refunds_are_at_the_platform(facts: Facts) -> Looks:
    """What the shop says went back did go back at the platform."""
    for one in facts.purchases:
        if not (rows_of(one, "refunds") or one.paid):
            continue
        there = sum(
            _trade(facts, channel, number)["refunded_fen"] for number, channel in one.paid.items()
        )
        yield (
            None
            if there == refunded(one)
            else f"{one.order_no}: {refunded(one)} fen here, {there} fen there"
        )


def late_money_is_settled(facts: Facts) -> Looks:
    """Late payments revived their order or went back whole."""
    for one in facts.purchases:
        if one.part not in LATE_PARTS or not one.paid:
            continue
        is_revived = status_of(one) == "fulfilled" and refunded(one) == 0
        is_returned = status_of(one) == "closed" and refunded(one) == captured(one)
        yield None if is_revived or is_returned else f"{one.order_no} is {status_of(one)}"


def unpaid_is_closed(facts: Facts) -> Looks:
    """Orders that nobody paid are closed."""
    for one in facts.purchases:
        if not one.paid:
            yield None if status_of(one) == "closed" else f"{one.order_no} is {status_of(one)}"


def codes_are_single(facts: Facts) -> Looks:
    """A code belongs to one card, a card to one member, and says the same each time."""
    by_code: dict[str, set[tuple[int, str]]] = defaultdict(set)
    by_card: dict[str, set[str]] = defaultdict(set)
    for reveal in facts.reveals:
        by_code[reveal.code].add((reveal.member, reveal.card_id))
        by_card[reveal.card_id].add(reveal.code)
    for seen_by in by_code.values():
        yield None if len(seen_by) == 1 else f"one code was seen as {sorted(seen_by)}"
    for card_id, codes in by_card.items():
        yield None if len(codes) == 1 else f"card {card_id} showed {len(codes)} codes"


def false_notices_are_refused(facts: Facts) -> Looks:
    """No notice with another amount, a bad signature or forged was acknowledged."""
    for notice in facts.notices:
        for attempt in notice["attempts"]:
            if attempt["fault"] in FALSE_NOTICES and attempt["status"] is not None:
                taken = 200 <= attempt["status"] < 300 and attempt["answer"] in ("", "success")
                yield f"{attempt['fault']} was taken: {notice['notice_id']}" if taken else None


def stock_adds_up(facts: Facts) -> Looks:
    """Of what was put on sale tonight, what is not kept by somebody is for sale again."""
    kept = sum(
        line["quantity"] - line["refunded_quantity"]
        for one in facts.purchases
        if status_of(one) != "closed"
        for line in rows_of(one, "lines")
        if line["sku_id"] == facts.special_sku
    )
    fits = facts.special_made == facts.special_left + kept
    words = f"{facts.special_made} made, {facts.special_left} left, {kept} kept"
    yield None if fits else words


def deliveries_are_reported(facts: Facts) -> Looks:
    """WeChat knows of every delivery that it was to be told of."""
    for order_no, is_known in facts.shipped.items():
        yield None if is_known else f"{order_no} is not known to be delivered"


def audit_finds_nothing(facts: Facts) -> Looks:
    """The auditor, which compares the platforms' books with ours too, finds no violation."""
    for violation in facts.audit.get("violations", []):
        yield f"{violation.get('invariant', '')}: {violation}"
    if not any("platforms_agree" in name for name in facts.audit.get("checked", [])):
        yield "the platforms' books were not compared"
    yield from (None for _ in facts.audit.get("checked", []))


def ledger_adds_up(facts: Facts) -> Looks:
    """The ledger proves itself, and both sides of it are equal."""
    if facts.ledger is not None:
        yield None if facts.ledger.code == 0 else facts.ledger.text.strip()[-300:]
    debits, credits = sides(facts.balances)
    yield None if debits == credits else f"{debits} fen on one side, {credits} fen on the other"


def ledger_is_what_platforms_hold(facts: Facts) -> Looks:
    """Clearing and fees are what the platforms took in less what they gave back or sent, ever."""
    held = sum(
        row["total_fen"] - row["refunded_fen"]
        for channel in ("wechat_pay", "alipay")
        for row in facts.books[channel]["orders"]
        if row["transaction_no"] is not None
    ) - sum(
        row["paid_fen"]
        for channel in ("wechat_pay", "alipay")
        for row in facts.books[channel].get("transfers", [])
    )
    ours = sum(fen for name, fen in facts.balances.items() if name.startswith(AT_PLATFORMS))
    yield None if ours == held else f"ours {ours} fen, theirs {held} fen"


def bills_match(facts: Facts) -> Looks:
    """The bills of the day show no difference."""
    for name, outcome in facts.reconciled.items():
        is_clean = outcome.code == 0 and ": 0 differences" in outcome.text
        yield None if is_clean else f"{name}: {outcome.text.strip()[:300]}"


def no_code_in_logs(facts: Facts) -> Looks:
    """No log holds a card code."""
    if facts.leaks is not None and facts.reveals:
        yield f"found in {', '.join(facts.leaks)}" if facts.leaks else None


def sides(balances: Any) -> tuple[int, int]:
    """Return the sums of the accounts that debits raise and of those that credits raise."""
    debits = sum(fen for name, fen in balances.items() if name.startswith(DEBIT_ACCOUNTS))
    return debits, sum(balances.values()) - debits


def status_of(purchase: Purchase) -> str:
    """Return how the order stands, as its member sees it."""
    return str((purchase.seen or {}).get("status", "unknown"))


def rows_of(purchase: Purchase, name: str) -> list[dict[str, Any]]:
    """Return its lines, payments or refunds."""
    rows: list[dict[str, Any]] = (purchase.seen or {}).get(name, [])
    return rows


def captured(purchase: Purchase) -> int:
    """Return what was booked as paid."""
    rows = rows_of(purchase, "payments")
    return sum(row["amount_fen"] for row in rows if row["status"] == "captured")


def refunded(purchase: Purchase) -> int:
    """Return what went back."""
    rows = rows_of(purchase, "refunds")
    return sum(row["amount_fen"] for row in rows if row["status"] == "done")


def dropped(purchase: Purchase) -> int:
    """Return what went back because more members made it cheaper."""
    rows = rows_of(purchase, "refunds")
    return sum(row["amount_fen"] for row in rows if row.get("reason") == "price_drop")


def _trade(facts: Facts, channel: str, out_trade_no: str) -> dict[str, Any]:
    for row in facts.books[channel]["orders"]:
        if row["out_trade_no"] == out_trade_no:
            return row
    raise LookupError(f"{channel} does not know {out_trade_no}")


CHECKS: Final[tuple[Named, ...]] = (
    ("every order has come to an end", all_final),
    ("every order ended as its story says", ended_as_hoped),
    ("paid orders are delivered or refunded", paid_is_delivered_or_refunded),
    ("nobody paid twice", nobody_paid_twice),
    ("money booked is money paid", captured_is_paid),
    ("refunds are done at the platforms", refunds_are_at_the_platform),
    ("late payments revived their order or went back", late_money_is_settled),
    ("unpaid orders are closed", unpaid_is_closed),
    ("no code was seen by two members", codes_are_single),
    ("false notices were refused", false_notices_are_refused),
    ("stock adds up", stock_adds_up),
    ("deliveries are reported to WeChat", deliveries_are_reported),
    ("flask audit finds no violation", audit_finds_nothing),
    ("flask ledger verify: the books add up", ledger_adds_up),
    ("the ledger holds what the platforms hold", ledger_is_what_platforms_hold),
    ("flask reconcile: the day's bills match", bills_match),
    ("no card code in any log", no_code_in_logs),
)
