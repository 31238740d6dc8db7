"""Invariants of reports and exports: day sums against the ledger, files that are whole."""

from typing import Final

from app.auditing.invariants import Invariant

REPORT_INVARIANTS: Final = (
    Invariant(
        "I16.days_come_to_an_end",
        "every day between the first and the last is written down, and summed for good soon after",
        "SELECT day FROM report_days WHERE NOT is_closed"
        "   AND due_at < CAST(:now AS timestamptz) - interval '1 day'"
        " UNION ALL SELECT day FROM (SELECT day, day - lag(day) OVER (ORDER BY day) AS step"
        "   FROM report_days) d WHERE step <> 1",
    ),
    Invariant(
        "ledger.days_are_the_books",
        "what an account moved on a day that is closed is the sum of its transfers, to the fen",
        "WITH books AS (SELECT e.account_id, (e.at AT TIME ZONE 'Asia/Shanghai')::date AS day,"
        "   sum(e.debit) debits, sum(e.credit) credits, count(*) n"
        "   FROM (SELECT debit_account_id account_id, amount_fen debit, 0 credit, at FROM transfers"
        "     UNION ALL SELECT credit_account_id, 0, amount_fen, at FROM transfers) e"
        "   GROUP BY 1, 2)"
        " SELECT coalesce(a.account_id, b.account_id) FROM account_days a"
        " FULL JOIN books b ON b.account_id = a.account_id AND b.day = a.day"
        " JOIN report_days d ON d.day = coalesce(a.day, b.day) AND d.is_closed"
        " WHERE (a.debits_fen, a.credits_fen, a.entries)"
        "   IS DISTINCT FROM (b.debits, b.credits, b.n)",
    ),
    Invariant(
        "ledger.figures_are_the_books",
        "what reports say came in and went back on a closed day is what the ledger says",
        "WITH books AS (SELECT (t.at AT TIME ZONE 'Asia/Shanghai')::date AS day,"
        "   CASE t.leg WHEN 'captured' THEN 'paid' WHEN 'requested' THEN 'promised_back'"
        "     ELSE 'given_back' END AS kind, sum(t.amount_fen) fen, count(*) n"
        "   FROM transfers t WHERE (t.cause_kind, t.leg) IN"
        "     (('payment', 'captured'), ('refund', 'requested'), ('refund', 'done'))"
        "   GROUP BY 1, 2),"
        " told AS (SELECT day, kind, sum(amount_fen) fen, sum(things) n FROM day_figures"
        "   GROUP BY 1, 2)"
        " SELECT d.day FROM told t FULL JOIN books b ON b.day = t.day AND b.kind = t.kind"
        " JOIN report_days d ON d.day = coalesce(t.day, b.day) AND d.is_closed"
        " WHERE (t.fen, t.n) IS DISTINCT FROM (b.fen, b.n)",
    ),
    Invariant(
        "I16.exports_come_to_an_end",
        "an export that is asked for is written within a day, and its file deleted in its time",
        "SELECT id FROM exports WHERE due_at < CAST(:now AS timestamptz) - interval '1 day'",
    ),
    Invariant(
        "exports.files_are_whole",
        "an export that is done has its file, of just its size, and no other has any",
        "SELECT x.id FROM exports x LEFT JOIN (SELECT export_id, sum(octet_length(data)) n,"
        "   count(*) c, max(position) last FROM export_chunks GROUP BY 1) f ON f.export_id = x.id"
        " WHERE (x.status = 'done') <> (f.n IS NOT NULL)"
        "   OR (x.status = 'done' AND (f.n <> x.byte_count OR f.c <> f.last + 1))",
    ),
)
