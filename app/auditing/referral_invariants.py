"""Invariants of referral: who may earn, by which rule, when; statements against the books."""

from typing import Final

from app.auditing.invariants import Invariant

REFERRAL_INVARIANTS: Final = (
    Invariant(
        "I13.steps_of_commissions_lead_here",
        "the last step written down of a commission ends at its status",
        "SELECT c.id FROM commissions c WHERE c.status <> coalesce((SELECT new FROM"
        "   status_changes s WHERE s.row_id = c.id ORDER BY seq DESC LIMIT 1), 'pending')",
    ),
    Invariant(
        "I16.commissions_come_to_an_end",
        "a pending commission has a moment at which a sweep looks at it",
        "SELECT id FROM commissions WHERE (status = 'pending') <> (due_at IS NOT NULL)"
        " OR due_at < CAST(:now AS timestamptz) - interval '1 day'",
    ),
    Invariant(
        "I30.nobody_earns_from_themselves",
        "nobody has a commission coming on an order of their own",
        # The news of a joining reaches orders and commissions one after the other.
        "SELECT c.id FROM commissions c JOIN orders o ON o.id = c.order_id"
        "   AND o.member_id = c.earner_id WHERE c.status IN ('pending', 'payable')"
        " AND NOT EXISTS (SELECT FROM members g JOIN status_changes s ON s.row_id = g.id"
        "   AND s.new = 'joined' WHERE g.joined_into_id = c.earner_id"
        "   AND s.at > CAST(:now AS timestamptz) - interval '10 minutes')",
    ),
    Invariant(
        "I30.one_level",
        "whoever earns on an order gave the one invite it is owed to, opened before it was placed",
        "SELECT c.id FROM commissions c"
        " LEFT JOIN order_lines l ON l.id = c.order_line_id AND l.order_id = c.order_id"
        " LEFT JOIN attributions a ON a.order_id = c.order_id"
        " LEFT JOIN invites i ON i.id = a.invite_id"
        " WHERE l.id IS NULL OR i.member_id IS DISTINCT FROM c.earner_id"
        " UNION ALL SELECT a.order_id FROM attributions a JOIN touches t ON t.id = a.touch_id"
        " JOIN orders o ON o.id = a.order_id WHERE t.invite_id <> a.invite_id"
        "   OR t.refusal IS NOT NULL OR o.placed_at < t.at OR o.placed_at >= t.expires_at",
    ),
    Invariant(
        "I31.commissions_within_their_rules",
        "a commission is what its rule gives for what did not come back",
        "SELECT c.id FROM commissions c JOIN order_lines l ON l.id = c.order_line_id"
        " WHERE c.base_fen <> l.total_fen OR c.quantity <> l.quantity OR c.amount_fen <>"
        "   CASE WHEN c.basis_points IS NULL THEN least(c.fixed_fen * c.quantity, c.base_fen)"
        "   ELSE c.base_fen * c.basis_points / 10000 END"
        # A refund is heard of when the platform has confirmed it.
        " OR (c.left_fen > CASE WHEN c.basis_points IS NULL"
        "   THEN least(c.fixed_fen * (l.quantity - l.refunded_quantity),"
        "     l.total_fen - l.refunded_fen)"
        "   ELSE (l.total_fen - l.refunded_fen) * c.basis_points / 10000 END"
        "   AND NOT EXISTS (SELECT FROM refunds r WHERE r.order_id = c.order_id"
        "     AND (r.done_at IS NULL"
        "       OR r.done_at > CAST(:now AS timestamptz) - interval '1 minute')))",
    ),
    Invariant(
        "I31.payable_after_the_window",
        "a commission became payable when its order was delivered and the window was over",
        "SELECT c.id FROM commissions c JOIN orders o ON o.id = c.order_id"
        " JOIN status_changes s ON s.row_id = c.id AND s.new = 'payable'"
        " WHERE o.fulfilled_at IS NULL"
        "   OR s.at < o.fulfilled_at + c.holds_days * interval '1 day'",
    ),
    Invariant(
        "I31.nothing_is_left_behind",
        "whoever closed their account has nothing coming: it went back to the house",
        "SELECT e.member_id FROM earnings e JOIN members m ON m.id = e.member_id"
        " WHERE m.status = 'deleted' AND e.pending_fen + e.payable_fen > 0"
        "   AND m.deleted_at < CAST(:now AS timestamptz) - interval '10 minutes'",
    ),
    Invariant(
        "ledger.statements_are_the_books",
        "a leader's sums are those of their statement and of their accounts, to the fen",
        "WITH posted AS (SELECT debit_account_id account_id, -amount_fen fen FROM transfers"
        "   WHERE cause_kind = 'commission' UNION ALL SELECT credit_account_id, amount_fen"
        "   FROM transfers WHERE cause_kind = 'commission'),"
        " books AS (SELECT a.owner, coalesce(sum(p.fen) FILTER ("
        "     WHERE a.kind = 'commission_pending'), 0) pending, coalesce(sum(p.fen) FILTER ("
        "     WHERE a.kind = 'commission_payable'), 0) payable, coalesce(sum(p.fen) FILTER ("
        "     WHERE a.kind = 'commission_withdrawing'), 0) withdrawing,"
        "   coalesce(-sum(p.fen) FILTER (WHERE a.kind = 'commission_debt'), 0) debt"
        "   FROM posted p JOIN accounts a ON a.id = p.account_id WHERE a.owner <> '' GROUP BY 1),"
        " told AS (SELECT member_id, sum(pending_fen) pending, sum(payable_fen) payable,"
        "   sum(withdrawing_fen) withdrawing, sum(paid_fen) paid, sum(debt_fen) debt"
        "   FROM commission_entries GROUP BY 1)"
        " SELECT coalesce(CAST(e.member_id AS text), b.owner) FROM earnings e"
        " FULL JOIN told t ON t.member_id = e.member_id"
        " FULL JOIN books b ON b.owner = CAST(e.member_id AS text)"
        " WHERE (coalesce(e.pending_fen, 0), coalesce(e.payable_fen, 0),"
        "   coalesce(e.withdrawing_fen, 0), coalesce(e.paid_fen, 0), coalesce(e.debt_fen, 0))"
        "   IS DISTINCT FROM (coalesce(t.pending, 0), coalesce(t.payable, 0),"
        "   coalesce(t.withdrawing, 0), coalesce(t.paid, 0), coalesce(t.debt, 0))"
        " OR (coalesce(e.pending_fen, 0), coalesce(e.payable_fen, 0),"
        "   coalesce(e.withdrawing_fen, 0), coalesce(e.debt_fen, 0)) IS DISTINCT FROM"
        "   (coalesce(b.pending, 0), coalesce(b.payable, 0), coalesce(b.withdrawing, 0),"
        "   coalesce(b.debt, 0))",
    ),
    Invariant(
        "ledger.commissions_are_all_there",
        "leaders' sums are what is left of their commissions",
        "SELECT coalesce(e.member_id, c.earner_id) FROM earnings e FULL JOIN (SELECT earner_id,"
        "   sum(left_fen) fen FROM commissions GROUP BY 1) c ON c.earner_id = e.member_id"
        " WHERE coalesce(e.pending_fen + e.payable_fen + e.withdrawing_fen + e.paid_fen"
        "   - e.debt_fen, 0) <> coalesce(c.fen, 0)"
        " UNION ALL SELECT a.id FROM accounts a"
        " JOIN transfers t ON a.id IN (t.debit_account_id, t.credit_account_id)"
        " WHERE a.kind = 'commissions' GROUP BY a.id HAVING sum(CASE WHEN t.debit_account_id = a.id"
        "   THEN t.amount_fen ELSE -t.amount_fen END)"
        "   <> (SELECT coalesce(sum(left_fen), 0) FROM commissions)",
    ),
)
