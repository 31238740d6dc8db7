"""Tables of the simulated WeCom; times are ISO 8601 UTC texts."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS wc_tokens (token TEXT PRIMARY KEY, expires_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS wc_groups (
    chat_id TEXT PRIMARY KEY, name TEXT NOT NULL, owner TEXT NOT NULL, opengid TEXT NOT NULL UNIQUE,
    robot_key TEXT UNIQUE, created_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS wc_messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT, chat_id TEXT NOT NULL, came_by TEXT NOT NULL,
    msgid TEXT, content TEXT NOT NULL, arrived_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS wc_messages_by_group ON wc_messages (chat_id, arrived_at);
CREATE TABLE IF NOT EXISTS wc_tasks (
    msgid TEXT PRIMARY KEY, sender TEXT NOT NULL, content TEXT NOT NULL, created_at TEXT NOT NULL,
    confirmed_at TEXT
);
CREATE TABLE IF NOT EXISTS wc_sends (
    msgid TEXT NOT NULL, chat_id TEXT NOT NULL, status INTEGER NOT NULL, sent_at TEXT,
    PRIMARY KEY (msgid, chat_id)
);
CREATE TABLE IF NOT EXISTS wc_stopped (msgid TEXT PRIMARY KEY, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS wc_reminders (msgid TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS wc_media (
    media_id TEXT PRIMARY KEY, kind TEXT NOT NULL, expires_at TEXT NOT NULL
);
"""
