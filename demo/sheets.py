"""An order sheet of the evening: a leader sells to a chat group, and calls another sheet off."""

from datetime import UTC, datetime, timedelta
from typing import Final

from demo import commands
from demo.buying import line
from demo.cast import Person
from demo.evening import Evening

PLAYERS: Final = 4
PRICE_FEN: Final = 1820
BAND_FEN: Final = (1700, 1880)
LASTS: Final = timedelta(minutes=20)


def write_down(evening: Evening, people: list[Person]) -> None:
    """Let two order and pay, one order only; the leader closes that sheet and cancels the next."""
    leader, first, second, third = people
    refused = leader.program.open_sheet(_plan(evening, minimum_fen=0))
    evening.chronicle.probe("only leaders open order sheets", "403", refused.status)
    _allow(evening, leader)
    opened = leader.program.open_sheet(_plan(evening, minimum_fen=2 * PRICE_FEN))
    evening.chronicle.probe("leaders open order sheets", "201", opened.status)
    if not opened.is_ok:
        return
    sheet = opened.body["sheet"]["id"]
    for person, hoped in ((first, "fulfilled"), (second, "fulfilled"), (third, "closed")):
        _order(evening, sheet, person, hoped)
    paid = sum(evening.pay(person, person.mind["purchase"]) for person in (first, second))
    if paid < 2 or not _await_paid(evening, sheet, first, 2 * PRICE_FEN):
        return
    closed = leader.program.decide_sheet(sheet, "close")
    evening.chronicle.probe("a sheet with its minimum may be closed", "200", closed.status)
    shown = leader.program.sheet(sheet).body
    numbers = [entry["number"] for entry in shown.get("entries", [])]
    evening.chronicle.probe("the list is numbered without gaps", "[1, 2, 3]", numbers)
    for person in (first, second):
        if evening.wait_for(person, person.mind["purchase"], "fulfilled"):
            evening.reveal(person, person.mind["purchase"])
    evening.chronicle.count("order sheets confirmed")
    evening.chronicle.tell(f"{leader} closes the order sheet: two have their codes")
    _call_off(evening, leader, third)


def _call_off(evening: Evening, leader: Person, person: Person) -> None:
    opened = leader.program.open_sheet(_plan(evening, minimum_fen=50_000))
    if not opened.is_ok:
        return
    sheet = opened.body["sheet"]["id"]
    _order(evening, sheet, person, "refunded")
    if evening.pay(person, person.mind["purchase"]):
        _await_paid(evening, sheet, person, PRICE_FEN)
    early = leader.program.decide_sheet(sheet, "close")
    evening.chronicle.probe(
        "a sheet below its minimum stays", "group_buy.minimum_not_met", early.code
    )
    done = leader.program.decide_sheet(sheet, "cancel")
    evening.chronicle.probe("a leader may call a sheet off", "200", done.status)
    evening.wait_for(person, person.mind["purchase"], "refunded", "closed")
    evening.chronicle.count("order sheets called off")
    evening.chronicle.tell(f"{leader} calls the second sheet off: {person} is repaid")


def _order(evening: Evening, sheet: str, person: Person, hoped: str) -> None:
    answer = person.program.order_from(sheet, [line(evening.special_sku)])
    evening.chronicle.probe("members order from sheets", "201", answer.status)
    person.mind["purchase"] = evening.remember(person, answer, (hoped,))


def _await_paid(evening: Evening, sheet: str, person: Person, fen: int) -> bool:
    for _ in range(100):
        if person.program.sheet(sheet).body.get("paid_fen", 0) >= fen:
            return True
        evening.rest()
    return False


def _allow(evening: Evening, leader: Person) -> None:
    """Let leaders sell the special SKU within a band, and make this member one."""
    listed = commands.flask("catalog", "list").text.splitlines()
    (code,) = [
        words.split()[1] for words in listed if words.strip().startswith(evening.special_sku)
    ]
    lowest, highest = map(str, BAND_FEN)
    commands.flask("catalog", "help-sell", code, "--min-fen", lowest, "--max-fen", highest)
    commands.flask("leaders", "approve", leader.program.me().body["id"])


def _plan(evening: Evening, *, minimum_fen: int) -> dict[str, object]:
    return {
        "title": "周末接龙",
        "note": "先到先得",
        "ends_at": (datetime.now(UTC) + LASTS).isoformat(),
        "minimum_fen": minimum_fen,
        "items": [{"sku_id": evening.special_sku, "price_fen": PRICE_FEN}],
    }
