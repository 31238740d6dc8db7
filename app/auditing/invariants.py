"""Invariants that one statement checks: every row it returns is a violation.

Names that begin with I follow docs/architecture.md, "Invariants". The statements read tables and
use no function of the rooms, so that a mistake in a room is not repeated here.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule and the statement that finds what breaks it; `:now` is the moment of the audit."""

    name: str
    says: str
    sql: str


INVARIANTS: Final = (
    Invariant(
        "I7.refunds_in_time",
        "no refund waits longer than a day unless a person has it",
        "SELECT out_refund_no FROM refunds WHERE status IN ('requested', 'sent')"
        " AND requested_at < CAST(:now AS timestamptz) - interval '1 day'",
    ),
    Invariant(
        "I8.refunds_within_payment",
        "what goes back of a payment is never more than it was",
        "SELECT p.out_trade_no FROM payments p JOIN refunds r ON r.payment_id = p.id"
        " GROUP BY p.id HAVING sum(r.amount_fen) > p.amount_fen OR p.status <> 'captured'",
    ),
    Invariant(
        "I8.refunds_of_lines",
        "refunds of an order that were not for late or double payments are its lines' refunds",
        "SELECT o.order_no FROM orders o"
        " LEFT JOIN (SELECT order_id, sum(refunded_fen) fen FROM order_lines GROUP BY 1) l"
        "   ON l.order_id = o.id"
        " LEFT JOIN (SELECT order_id, sum(amount_fen) fen FROM refunds"
        "   WHERE reason NOT IN ('late', 'double') GROUP BY 1) r ON r.order_id = o.id"
        " WHERE coalesce(l.fen, 0) <> coalesce(r.fen, 0)"
        " UNION ALL SELECT l.id::text FROM order_lines l"
        " WHERE l.refunded_fen <> l.refunded_quantity * l.unit_price_fen"
        "   + (l.quantity - l.refunded_quantity) * l.dropped_fen",
    ),
    Invariant(
        "I12.paid_means_captured",
        "an order that was paid has a captured payment of its amount",
        "SELECT o.order_no FROM orders o WHERE o.paid_at IS NOT NULL AND NOT EXISTS"
        " (SELECT FROM payments p WHERE p.order_id = o.id AND p.status = 'captured'"
        "  AND p.amount_fen = o.total_fen)",
    ),
    Invariant(
        "I12.captured_once_in_the_books",
        "every captured payment stands in the ledger, once, with its amount",
        "SELECT p.out_trade_no FROM payments p LEFT JOIN transfers t ON t.cause_kind = 'payment'"
        " AND t.cause_id = p.id AND t.leg = 'captured' AND t.amount_fen = p.amount_fen"
        " WHERE (p.status = 'captured') <> (t.seq IS NOT NULL)",
    ),
    Invariant(
        "I13.steps_lead_here",
        "each step starts where the one before ended, and the last one ends at the status",
        "WITH steps AS (SELECT kind, row_id, seq, old, new,"
        "   lag(new) OVER (PARTITION BY row_id ORDER BY seq) before FROM status_changes)"
        " SELECT row_id FROM steps WHERE before <> old"
        " UNION ALL SELECT o.id FROM orders o WHERE o.status <> coalesce((SELECT new FROM"
        "   status_changes s WHERE s.row_id = o.id ORDER BY seq DESC LIMIT 1), 'pending')"
        " UNION ALL SELECT p.id FROM payments p WHERE p.status <> coalesce((SELECT new FROM"
        "   status_changes s WHERE s.row_id = p.id ORDER BY seq DESC LIMIT 1), 'created')"
        " UNION ALL SELECT r.id FROM refunds r WHERE r.status <> coalesce((SELECT new FROM"
        "   status_changes s WHERE s.row_id = r.id ORDER BY seq DESC LIMIT 1), 'requested')"
        " UNION ALL SELECT c.id FROM cards c WHERE c.status <> coalesce((SELECT new FROM"
        "   status_changes s WHERE s.row_id = c.id ORDER BY seq DESC LIMIT 1), 'free')"
        " UNION ALL SELECT b.id FROM batches b WHERE b.status <> coalesce((SELECT new FROM"
        "   status_changes s WHERE s.row_id = b.id ORDER BY seq DESC LIMIT 1), 'importing')",
    ),
    Invariant(
        "I14.no_money_kept_for_nothing",
        "money for a closed order, or beyond an order's total, is promised back in full",
        "SELECT o.order_no FROM orders o JOIN payments p ON p.order_id = o.id"
        " AND p.status = 'captured'"
        " LEFT JOIN (SELECT order_id, sum(amount_fen) fen FROM refunds"
        "   WHERE reason IN ('late', 'double') GROUP BY 1) r ON r.order_id = o.id"
        " GROUP BY o.id, r.fen HAVING sum(p.amount_fen) - coalesce(r.fen, 0)"
        " <> CASE WHEN o.status = 'closed' OR o.paid_at IS NULL THEN 0 ELSE o.total_fen END",
    ),
    Invariant(
        "I14.nothing_delivered_unpaid",
        "a card that is with a member belongs to an order that was paid",
        "SELECT c.id FROM cards c JOIN order_lines l ON l.id = c.order_line_id"
        " JOIN orders o ON o.id = l.order_id"
        " WHERE c.status IN ('delivered', 'revealed') AND (o.paid_at IS NULL"
        " OR o.status IN ('pending', 'closed'))",
    ),
    Invariant(
        "I16.orders_come_to_an_end",
        "no order waits longer for its payment, or for its delivery, than it may",
        "SELECT order_no FROM orders WHERE (status = 'pending' AND"
        "   pay_by < CAST(:now AS timestamptz) - interval '10 minutes')"
        # An order that waited for others is due from its release on, long after it was paid.
        " OR (status = 'paid' AND NOT is_held AND"
        "   coalesce(due_at, paid_at) < CAST(:now AS timestamptz) - interval '10 minutes')",
    ),
    Invariant(
        "I16.nothing_is_forgotten",
        "what is not at its end has a moment at which a sweep looks at it, or a person has it",
        "SELECT order_no FROM orders WHERE due_at IS NULL"
        "   AND (status = 'pending' OR (status = 'paid' AND NOT is_held))"
        " UNION ALL SELECT out_trade_no FROM payments WHERE due_at IS NULL"
        "   AND status IN ('created', 'prepaid')"
        " UNION ALL SELECT out_refund_no FROM refunds WHERE due_at IS NULL"
        "   AND status IN ('requested', 'sent')"
        " UNION ALL SELECT order_no FROM orders o WHERE status = 'refunding' AND NOT EXISTS"
        "   (SELECT FROM refunds r WHERE r.order_id = o.id AND r.status <> 'done'"
        "    AND r.reason NOT IN ('late', 'double', 'price_drop'))",
    ),
    Invariant(
        "I18.batches_add_up",
        "a batch has as many cards as were imported, and none when it was undone",
        "SELECT b.id FROM batches b LEFT JOIN cards c ON c.batch_id = b.id GROUP BY b.id"
        " HAVING count(c.id) <> CASE WHEN b.status = 'undone' THEN 0 ELSE b.cards_count END",
    ),
    Invariant(
        "I19.lines_have_their_cards",
        "a line holds a card for each unit that was not given back, of its own SKU, and no other",
        "SELECT l.id FROM order_lines l JOIN orders o ON o.id = l.order_id"
        " LEFT JOIN cards c ON c.order_line_id = l.id"
        " GROUP BY l.id, o.status HAVING count(c.id) <> CASE WHEN o.status = 'closed' THEN 0"
        "   ELSE l.quantity - l.refunded_quantity END"
        " OR count(c.id) <> count(c.id) FILTER (WHERE c.sku_id = l.sku_id AND c.status ="
        "   ANY (CASE WHEN o.status IN ('pending', 'paid') THEN ARRAY['reserved']"
        "        ELSE ARRAY['delivered', 'revealed', 'void'] END))",
    ),
    Invariant(
        "I19.cards_are_their_owners",
        "a delivered card is owned by the member whose order it came with",
        "SELECT c.id FROM cards c JOIN order_lines l ON l.id = c.order_line_id"
        " WHERE c.status IN ('delivered', 'revealed')"
        " AND (c.member_id IS DISTINCT FROM l.member_id OR c.delivered_at IS NULL)",
    ),
    Invariant(
        "I20.reveals_are_written_down",
        "a revealed card was looked at by somebody, and no other card was",
        "SELECT c.id FROM cards c LEFT JOIN reveals r ON r.card_id = c.id GROUP BY c.id"
        " HAVING (c.first_revealed_at IS NOT NULL) <> (count(r.id) > 0)"
        " OR c.first_revealed_at > min(r.at)",
    ),
    Invariant(
        "ledger.refunds_posted",
        "every refund stands in the ledger as promised, and as done when it is",
        "SELECT r.out_refund_no FROM refunds r"
        " LEFT JOIN transfers p ON p.cause_kind = 'refund' AND p.cause_id = r.id"
        "   AND p.leg = 'requested' AND p.amount_fen = r.amount_fen"
        " LEFT JOIN transfers d ON d.cause_kind = 'refund' AND d.cause_id = r.id"
        "   AND d.leg = 'done' AND d.amount_fen = r.amount_fen"
        " WHERE p.seq IS NULL OR (r.status = 'done') <> (d.seq IS NOT NULL)",
    ),
    Invariant(
        "ledger.earned_when_delivered",
        "an order's price is earned when it was fulfilled, and only then",
        # What a lower price gave back before the delivery came out of what was not earned yet.
        "SELECT o.order_no FROM orders o"
        " LEFT JOIN (SELECT t.order_id, sum(t.amount_fen) fen FROM transfers t"
        "   JOIN accounts a ON a.id = t.debit_account_id AND a.kind = 'unearned'"
        "   JOIN refunds r ON r.id = t.cause_id AND r.reason = 'price_drop'"
        "   WHERE t.cause_kind = 'refund' AND t.leg = 'requested' GROUP BY 1) d"
        "   ON d.order_id = o.id"
        " LEFT JOIN transfers t ON t.cause_kind = 'order' AND t.cause_id = o.id"
        "   AND t.leg = 'earned' AND t.amount_fen = o.total_fen - coalesce(d.fen, 0)"
        " WHERE (o.fulfilled_at IS NOT NULL) <> (t.seq IS NOT NULL)",
    ),
    Invariant(
        "outbox.nothing_given_up",
        "no event waits for a person",
        "SELECT name || ' ' || id FROM outbox_events"
        " WHERE done_at IS NULL AND next_attempt_at IS NULL",
    ),
)
