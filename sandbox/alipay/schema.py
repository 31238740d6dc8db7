"""Tables of the simulated Alipay; times are ISO 8601 UTC texts, amounts integer fen."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS ap_users (open_id TEXT PRIMARY KEY, union_id TEXT);
CREATE TABLE IF NOT EXISTS ap_codes (
    code TEXT PRIMARY KEY, open_id TEXT NOT NULL, expires_at TEXT NOT NULL, used_at TEXT
);
CREATE TABLE IF NOT EXISTS ap_refresh_tokens (
    token TEXT PRIMARY KEY, open_id TEXT NOT NULL, expires_at TEXT NOT NULL, used_at TEXT
);
CREATE TABLE IF NOT EXISTS ap_trades (
    trade_no TEXT PRIMARY KEY, out_trade_no TEXT NOT NULL UNIQUE, buyer_open_id TEXT NOT NULL,
    total_fen INTEGER NOT NULL, coupon_fen INTEGER NOT NULL, state TEXT NOT NULL,
    subject TEXT NOT NULL, body TEXT, passback_params TEXT, notify_url TEXT,
    created_at TEXT NOT NULL, expires_at TEXT NOT NULL, paid_at TEXT, finishes_at TEXT,
    closed_at TEXT
);
CREATE INDEX IF NOT EXISTS ap_trades_by_day ON ap_trades (paid_at);
CREATE INDEX IF NOT EXISTS ap_trades_waiting ON ap_trades (expires_at)
    WHERE state = 'WAIT_BUYER_PAY';
CREATE TABLE IF NOT EXISTS ap_refunds (
    trade_no TEXT NOT NULL, out_request_no TEXT NOT NULL, amount_fen INTEGER NOT NULL,
    reason TEXT, notify_url TEXT, status TEXT NOT NULL, accepted_at TEXT NOT NULL,
    finished_at TEXT, due REAL, PRIMARY KEY (trade_no, out_request_no)
);
CREATE INDEX IF NOT EXISTS ap_refunds_by_day ON ap_refunds (finished_at);
CREATE TABLE IF NOT EXISTS ap_transfers (
    out_biz_no TEXT PRIMARY KEY, order_id TEXT NOT NULL UNIQUE,
    pay_fund_order_id TEXT NOT NULL UNIQUE, open_id TEXT NOT NULL, amount_fen INTEGER NOT NULL,
    content TEXT NOT NULL, status TEXT NOT NULL, error_code TEXT, created_at TEXT NOT NULL,
    paid_at TEXT, due REAL
);
CREATE TABLE IF NOT EXISTS ap_bills (
    token TEXT PRIMARY KEY, bill_date TEXT NOT NULL, content BLOB NOT NULL,
    expires_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS ap_templates (template_id TEXT PRIMARY KEY, keywords INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS ap_grants (
    open_id TEXT NOT NULL, template_id TEXT NOT NULL, times INTEGER NOT NULL,
    is_subscribed INTEGER NOT NULL, PRIMARY KEY (open_id, template_id)
);
CREATE TABLE IF NOT EXISTS ap_messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT, open_id TEXT NOT NULL, template_id TEXT NOT NULL,
    content TEXT NOT NULL, sent_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS ap_codes_made (token TEXT PRIMARY KEY, content TEXT NOT NULL);
"""
