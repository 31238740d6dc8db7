"""WeChat Pay's part of `GET /sandbox/books`."""

from sandbox.books import Report
from sandbox.store import Store


def report(store: Store) -> Report:
    """Every order, refund and transfer; what is finished counts in `refunded_fen`, `paid_fen`."""
    with store.read() as connection:
        orders = connection.execute(
            "SELECT o.out_trade_no, o.transaction_id AS transaction_no, o.total_fen,"
            " o.payer_total_fen, o.state, o.openid AS payer, o.created_at, o.success_at,"
            " COALESCE((SELECT SUM(r.amount_fen) FROM wp_refunds r WHERE"
            " r.out_trade_no = o.out_trade_no AND r.status = 'SUCCESS'), 0) AS refunded_fen"
            " FROM wp_orders o ORDER BY o.rowid"
        ).fetchall()
        refunds = connection.execute(
            "SELECT r.out_refund_no, r.refund_id AS refund_no, r.out_trade_no,"
            " o.transaction_id AS transaction_no, o.total_fen, r.amount_fen,"
            " CASE r.status WHEN 'SUCCESS' THEN r.amount_fen ELSE 0 END AS refunded_fen,"
            " r.status AS state, o.openid AS payer, r.accepted_at, r.finished_at"
            " FROM wp_refunds r JOIN wp_orders o USING (out_trade_no) ORDER BY r.rowid"
        ).fetchall()
        transfers = connection.execute(
            "SELECT out_bill_no, transfer_bill_no AS transfer_no, amount_fen, state,"
            " CASE state WHEN 'SUCCESS' THEN amount_fen ELSE 0 END AS paid_fen, openid AS payee,"
            " created_at, updated_at FROM wp_transfers ORDER BY rowid"
        ).fetchall()
    parts = {"orders": orders, "refunds": refunds, "transfers": transfers}
    return {name: [dict(row) for row in rows] for name, rows in parts.items()}
