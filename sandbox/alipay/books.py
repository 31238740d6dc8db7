"""Alipay's part of `GET /sandbox/books`, in the same columns as WeChat Pay's."""

from sandbox.books import Report
from sandbox.store import Store


def report(store: Store) -> Report:
    """Every trade, refund and message; a trade's `refunded_fen` counts finished refunds only.

    `transaction_no` is the trade's number once it is paid. Alipay gives refunds no number of its
    own, so `refund_no` is null.
    """
    with store.read() as connection:
        orders = connection.execute(
            "SELECT t.out_trade_no, CASE WHEN t.paid_at IS NOT NULL THEN t.trade_no END AS"
            " transaction_no, t.trade_no, t.total_fen, t.total_fen - t.coupon_fen AS"
            " payer_total_fen, t.state, t.buyer_open_id AS payer, t.created_at,"
            " t.paid_at AS success_at, COALESCE((SELECT SUM(r.amount_fen) FROM ap_refunds r WHERE"
            " r.trade_no = t.trade_no AND r.status = 'SUCCESS'), 0) AS refunded_fen"
            " FROM ap_trades t ORDER BY t.rowid"
        ).fetchall()
        refunds = connection.execute(
            "SELECT r.out_request_no AS out_refund_no, NULL AS refund_no, t.out_trade_no,"
            " t.trade_no AS transaction_no, t.total_fen, r.amount_fen,"
            " CASE r.status WHEN 'SUCCESS' THEN r.amount_fen ELSE 0 END AS refunded_fen,"
            " r.status AS state, t.buyer_open_id AS payer, r.accepted_at, r.finished_at"
            " FROM ap_refunds r JOIN ap_trades t USING (trade_no) ORDER BY r.rowid"
        ).fetchall()
        messages = connection.execute(
            "SELECT number, open_id, template_id, sent_at FROM ap_messages ORDER BY number"
        ).fetchall()
    return {
        "orders": [dict(row) for row in orders],
        "refunds": [dict(row) for row in refunds],
        "messages": [dict(row) for row in messages],
    }
