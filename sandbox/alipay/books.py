"""Alipay's part of `GET /sandbox/books`, in the same columns as WeChat Pay's."""

from sandbox.books import Report
from sandbox.store import Store


def report(store: Store) -> Report:
    """Every trade, refund, transfer and message; `refunded_fen`, `paid_fen` count what is finished.

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
        transfers = connection.execute(
            "SELECT out_biz_no AS out_bill_no, order_id AS transfer_no, amount_fen,"
            " status AS state, CASE status WHEN 'SUCCESS' THEN amount_fen ELSE 0 END AS paid_fen,"
            " open_id AS payee, created_at, COALESCE(paid_at, created_at) AS updated_at"
            " FROM ap_transfers ORDER BY rowid"
        ).fetchall()
    parts = {"orders": orders, "refunds": refunds, "transfers": transfers, "messages": messages}
    return {name: [dict(row) for row in rows] for name, rows in parts.items()}
