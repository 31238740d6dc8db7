"""WeCom's part of `GET /sandbox/books`."""

from sandbox.books import Report
from sandbox.store import Store


def report(store: Store) -> Report:
    """Every task with the number of its groups, and every message that arrived in a group."""
    with store.read() as connection:
        tasks = connection.execute(
            "SELECT t.msgid, t.sender, t.created_at, t.confirmed_at, COUNT(s.chat_id) AS groups,"
            " SUM(s.status = 1) AS groups_sent FROM wc_tasks t JOIN wc_sends s USING (msgid)"
            " GROUP BY t.msgid ORDER BY t.rowid"
        ).fetchall()
        messages = connection.execute(
            "SELECT number, chat_id, came_by, msgid, arrived_at FROM wc_messages ORDER BY number"
        ).fetchall()
    return {"tasks": [dict(row) for row in tasks], "messages": [dict(row) for row in messages]}
