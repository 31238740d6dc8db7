"""Tables of the simulated WeChat Pay; times are ISO 8601 UTC texts, amounts integer fen."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS wp_orders (
    out_trade_no TEXT PRIMARY KEY, transaction_id TEXT UNIQUE, openid TEXT NOT NULL,
    total_fen INTEGER NOT NULL, payer_total_fen INTEGER NOT NULL, state TEXT NOT NULL,
    parameters TEXT NOT NULL, description TEXT NOT NULL, attach TEXT, notify_url TEXT NOT NULL,
    time_expire TEXT, created_at TEXT NOT NULL, success_at TEXT
);
CREATE INDEX IF NOT EXISTS wp_orders_by_success ON wp_orders (success_at);
CREATE TABLE IF NOT EXISTS wp_prepays (
    prepay_id TEXT PRIMARY KEY, out_trade_no TEXT NOT NULL, expires_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS wp_refunds (
    out_refund_no TEXT PRIMARY KEY, refund_id TEXT NOT NULL UNIQUE, out_trade_no TEXT NOT NULL,
    amount_fen INTEGER NOT NULL, reason TEXT, notify_url TEXT, status TEXT NOT NULL,
    accepted_at TEXT NOT NULL, finished_at TEXT, due REAL
);
CREATE INDEX IF NOT EXISTS wp_refunds_by_order ON wp_refunds (out_trade_no);
CREATE INDEX IF NOT EXISTS wp_refunds_by_day ON wp_refunds (accepted_at);
CREATE TABLE IF NOT EXISTS wp_transfers (
    out_bill_no TEXT PRIMARY KEY, transfer_bill_no TEXT NOT NULL UNIQUE, openid TEXT NOT NULL,
    amount_fen INTEGER NOT NULL, remark TEXT NOT NULL, content TEXT NOT NULL, notify_url TEXT,
    state TEXT NOT NULL, package_info TEXT NOT NULL, fail_reason TEXT, created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL, expires_at TEXT NOT NULL, due REAL
);
CREATE TABLE IF NOT EXISTS wp_bills (
    token TEXT PRIMARY KEY, day TEXT NOT NULL, bill_type TEXT NOT NULL,
    is_gzip INTEGER NOT NULL, content BLOB NOT NULL, expires_at TEXT NOT NULL
);
"""
