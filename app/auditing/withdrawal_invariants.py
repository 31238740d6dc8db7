"""Invariants of withdrawals: steps, ends, and every fen of them in statement and ledger."""

from typing import Final

from app.auditing.invariants import Invariant

WITHDRAWAL_INVARIANTS: Final = (
    Invariant(
        "I13.steps_of_withdrawals_lead_here",
        "the last step written down of a withdrawal ends at its status",
        "SELECT w.id FROM withdrawals w WHERE w.status <> coalesce((SELECT new FROM"
        "   status_changes s WHERE s.row_id = w.id ORDER BY seq DESC LIMIT 1), 'requested')",
    ),
    Invariant(
        "I16.withdrawals_come_to_an_end",
        "an open withdrawal has a moment at which a sweep looks at it, or waits for an operator",
        "SELECT id FROM withdrawals WHERE (status IN ('approved', 'sending', 'awaiting_user'))"
        "   <> (due_at IS NOT NULL) OR status = 'requested'"
        " OR due_at < CAST(:now AS timestamptz) - interval '1 day'",
    ),
    Invariant(
        "I31.withdrawals_are_in_the_statement",
        "what is withdrawn is set apart while it is open, paid when it is paid, else given back",
        "SELECT w.id FROM withdrawals w FULL JOIN (SELECT withdrawal_id, sum(payable_fen) payable,"
        "   sum(withdrawing_fen) withdrawing, sum(paid_fen) paid FROM commission_entries"
        "   WHERE withdrawal_id IS NOT NULL GROUP BY 1) e ON e.withdrawal_id = w.id"
        " WHERE (e.payable, e.withdrawing, e.paid) IS DISTINCT FROM ("
        "   CASE WHEN w.status IN ('failed', 'cancelled', 'rejected') THEN 0"
        "   ELSE -w.amount_fen END,"
        "   CASE WHEN w.ended_at IS NULL THEN w.amount_fen ELSE 0 END,"
        "   CASE WHEN w.status = 'paid' THEN w.amount_fen ELSE 0 END)",
    ),
    Invariant(
        "I31.nothing_more_is_set_apart",
        "what is set apart is the sum of open withdrawals",
        "SELECT s.fen FROM (SELECT coalesce(sum(withdrawing_fen), 0) fen FROM earnings) s"
        " WHERE s.fen <> (SELECT coalesce(sum(amount_fen), 0) FROM withdrawals"
        "   WHERE ended_at IS NULL)",
    ),
    Invariant(
        "ledger.withdrawals_left_the_house",
        "of a paid withdrawal the platform sent the net, the house kept the fee; of no other",
        "SELECT coalesce(w.id, t.cause_id) FROM (SELECT * FROM withdrawals"
        "   WHERE status = 'paid') w FULL JOIN (SELECT t.cause_id,"
        "   coalesce(sum(t.amount_fen) FILTER (WHERE a.kind = 'clearing'), 0) net,"
        "   coalesce(sum(t.amount_fen) FILTER (WHERE a.kind = 'withdrawal_fees'), 0) fee,"
        "   min(a.owner) FILTER (WHERE a.kind = 'clearing') channel"
        "   FROM transfers t JOIN accounts a ON a.id = t.credit_account_id"
        "   WHERE t.cause_kind = 'withdrawal' GROUP BY 1) t ON t.cause_id = w.id"
        " WHERE (t.net, t.fee, t.channel) IS DISTINCT FROM"
        "   (w.amount_fen - w.fee_fen, w.fee_fen, w.channel)"
        " UNION ALL SELECT a.id FROM accounts a"
        " JOIN transfers t ON a.id IN (t.debit_account_id, t.credit_account_id)"
        " WHERE a.kind = 'commission_payouts' GROUP BY a.id HAVING sum(CASE"
        "   WHEN t.debit_account_id = a.id THEN t.amount_fen ELSE -t.amount_fen END) <> 0",
    ),
)
