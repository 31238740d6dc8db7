"""Tables of the simulated WeChat; times are ISO 8601 UTC texts."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS wx_users (
    openid TEXT PRIMARY KEY, unionid TEXT, session_key TEXT
);
CREATE TABLE IF NOT EXISTS wx_codes (
    code TEXT PRIMARY KEY, kind TEXT NOT NULL, openid TEXT, phone TEXT,
    expires_at TEXT NOT NULL, used_at TEXT
);
CREATE TABLE IF NOT EXISTS wx_tokens (
    token TEXT PRIMARY KEY, kind TEXT NOT NULL, issued_at TEXT NOT NULL,
    expires_at TEXT NOT NULL, is_forced INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS wx_tokens_by_kind ON wx_tokens (kind, issued_at);
CREATE TABLE IF NOT EXISTS wx_shipping (
    transaction_id TEXT PRIMARY KEY, content TEXT NOT NULL, upload_time TEXT NOT NULL,
    times INTEGER NOT NULL, is_finished INTEGER NOT NULL, is_confirmed INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS wx_visits (openid TEXT PRIMARY KEY, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS wx_templates (template_id TEXT PRIMARY KEY, names TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS wx_grants (
    openid TEXT NOT NULL, template_id TEXT NOT NULL, times INTEGER NOT NULL,
    PRIMARY KEY (openid, template_id)
);
CREATE TABLE IF NOT EXISTS wx_messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT, openid TEXT NOT NULL, template_id TEXT NOT NULL,
    content TEXT NOT NULL, sent_at TEXT NOT NULL
);
"""
