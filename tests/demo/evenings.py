"""A small evening without fault, made up, which each test spoils in one way."""

from typing import Any, Final

from demo.chronicle import Probe, Purchase, Reveal
from demo.commands import Outcome
from demo.facts import Facts
from demo.platforms import Books

SKU: Final = "sku-special"
PRICE_FEN: Final = 1880


def line(quantity: int = 1, back: int = 0) -> dict[str, Any]:
    """Return a line of an order of the special SKU."""
    return {
        "sku_id": SKU,
        "quantity": quantity,
        "refunded_quantity": back,
        "unit_price_fen": PRICE_FEN,
    }


def order(
    number: int,
    status: str,
    *,
    part: str = "buyer",
    quantity: int = 1,
    back: int = 0,
    paid: dict[str, str] | None = None,
    refunds: tuple[tuple[str, int], ...] = (),
) -> Purchase:
    """Return an order as its member sees it at the end; `refunds` are statuses and amounts."""
    total = PRICE_FEN * quantity
    trades = paid or {}
    kept = quantity - back if status == "fulfilled" else 0
    return Purchase(
        member=number,
        part=part,
        order_id=f"id-{number}",
        order_no=f"TO{number}",
        total_fen=total,
        hoped=frozenset({status}),
        pay_by="2026-11-25T12:00:00+00:00",
        paid=dict(trades),
        seen={
            "status": status,
            "lines": [line(quantity, back)],
            "payments": [
                {"status": "captured", "amount_fen": total, "channel": channel}
                for channel in trades.values()
            ],
            "refunds": [{"status": state, "amount_fen": fen} for state, fen in refunds],
        },
        cards=[{"id": f"card-{number}-{n}", "status": "revealed"} for n in range(kept)],
    )


def trade(number: str, total_fen: int, *, back_fen: int = 0) -> dict[str, Any]:
    """Return a paid trade in the platform's books."""
    return {
        "out_trade_no": number,
        "transaction_no": f"42{number}",
        "total_fen": total_fen,
        "refunded_fen": back_fen,
        "state": "REFUND" if back_fen else "SUCCESS",
        "payer": "o",
        "success_at": "2026-11-25T11:00:00+00:00",
    }


def good_evening() -> Facts:
    """One who bought, one who forgot, one too late, one paid twice, one gave back two of three."""
    return Facts(
        purchases=_purchases(),
        reveals=[Reveal(1, "card-1-0", "AAAA-1"), Reveal(4, "card-4-0", "BBBB-2")],
        probes=[Probe("others' cards stay closed", ("404",), "404")],
        books=_books(),
        notices=[
            {
                "notice_id": "N1",
                "target": "wechat_pay.notice",
                "attempts": [
                    {"fault": "wrong_amount", "status": 409, "answer": "{}"},
                    {"fault": None, "status": 204, "answer": ""},
                ],
            }
        ],
        shipped={"TO1": True},
        special_made=10,
        special_left=7,
        special_sku=SKU,
        audit={"checked": ["I9.platforms_agree"], "violations": []},
        ledger=Outcome(0, "the ledger adds up"),
        balances={
            "clearing:wechat_pay": 3 * PRICE_FEN - 20,
            "clearing:alipay": 0,
            "fees": 20,
            "sales": 3 * PRICE_FEN,
        },
        reconciled={"alipay 2026-11-25": Outcome(0, "alipay 2026-11-25: 0 differences\n")},
        leaks=[],
    )


def _purchases() -> list[Purchase]:
    back = ("done", PRICE_FEN)
    twice = {"T4a": "wechat_pay", "T4b": "alipay"}
    return [
        order(1, "fulfilled", paid={"T1": "wechat_pay"}),
        order(2, "closed", part="forgetful"),
        order(3, "closed", part="too_late_payer", paid={"T3": "alipay"}, refunds=(back,)),
        order(4, "fulfilled", part="double_payer", paid=twice, refunds=(back,)),
        order(5, "fulfilled", quantity=3, back=2, paid={"T5": "wechat_pay"}, refunds=(back, back)),
    ]


def _books() -> Books:
    through_wechat = [
        trade("T1", PRICE_FEN),
        trade("T4a", PRICE_FEN),
        trade("T5", 3 * PRICE_FEN, back_fen=2 * PRICE_FEN),
    ]
    through_alipay = [trade(number, PRICE_FEN, back_fen=PRICE_FEN) for number in ("T3", "T4b")]
    return {
        "wechat_pay": {"orders": through_wechat, "refunds": []},
        "alipay": {"orders": through_alipay, "refunds": []},
    }
