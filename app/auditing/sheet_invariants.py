"""Invariants of order sheets: numbers, honest totals, decisions, the money of what was decided."""

from typing import Final

from app.auditing.invariants import Invariant

SHEET_INVARIANTS: Final = (
    Invariant(
        "I13.sheet_steps_lead_here",
        "the last step written down of a sheet or an entry ends at its status",
        "SELECT s.id FROM order_sheets s WHERE s.status <> coalesce((SELECT new FROM"
        "   status_changes c WHERE c.row_id = s.id ORDER BY seq DESC LIMIT 1), 'open')"
        " UNION ALL SELECT e.id FROM sheet_entries e WHERE e.status <> coalesce((SELECT new FROM"
        "   status_changes c WHERE c.row_id = e.id ORDER BY seq DESC LIMIT 1), 'held')",
    ),
    Invariant(
        "I16.sheets_come_to_an_end",
        "an open sheet has a moment at which it is decided, soon after its deadline",
        "SELECT id FROM order_sheets WHERE (status = 'open') <> (due_at IS NOT NULL)"
        " OR (status = 'open' AND ends_at < CAST(:now AS timestamptz) - interval '10 minutes')",
    ),
    Invariant(
        "I25.sheet_numbers_have_no_gap",
        "a sheet's entries are numbered from 1 on without a gap, as many as it gave out",
        "SELECT s.id FROM order_sheets s LEFT JOIN sheet_entries e ON e.sheet_id = s.id"
        " GROUP BY s.id HAVING count(e.id) <> s.entries_count"
        " OR count(DISTINCT e.number) <> s.entries_count"
        " OR coalesce(max(e.number), 0) <> s.entries_count",
    ),
    Invariant(
        "I26.sheet_totals_are_honest",
        "a sheet's total is what was paid for its entries, each of them worth its order",
        "SELECT s.id FROM order_sheets s LEFT JOIN sheet_entries e ON e.sheet_id = s.id"
        " AND e.status IN ('paid', 'returned') GROUP BY s.id"
        " HAVING s.paid_fen <> coalesce(sum(e.total_fen), 0)"
        " UNION ALL SELECT e.id FROM sheet_entries e JOIN orders o ON o.id = e.order_id"
        " WHERE e.total_fen <> o.total_fen OR e.member_id <> o.member_id"
        "   OR (e.status IN ('paid', 'returned') AND o.paid_at IS NULL)",
    ),
    Invariant(
        "I26.sheet_prices_are_the_leaders",
        "each line of an entry's order was sold at the sheet's price for its SKU, in its band",
        "SELECT l.id FROM sheet_entries e JOIN order_lines l ON l.order_id = e.order_id"
        " LEFT JOIN sheet_items i ON i.sheet_id = e.sheet_id AND i.sku_id = l.sku_id"
        " WHERE i.id IS NULL OR l.unit_price_fen <> i.price_fen"
        "   OR i.price_fen NOT BETWEEN i.band_min_fen AND i.band_max_fen",
    ),
    Invariant(
        "I26.sheet_decided_by_its_minimum",
        "a sheet is confirmed just when its minimum is met, before its time by its leader alone",
        "SELECT s.id FROM order_sheets s WHERE (s.status = 'confirmed'"
        "   AND s.paid_fen < s.minimum_fen) OR (s.status = 'failed'"
        "   AND s.paid_fen >= s.minimum_fen)"
        " UNION ALL SELECT s.id FROM order_sheets s JOIN status_changes c ON c.row_id = s.id"
        "   AND c.kind = 'order_sheet' WHERE CASE c.actor WHEN 'leader' THEN c.new = 'failed'"
        "   WHEN 'scheduler' THEN c.new = 'cancelled' OR c.at < s.ends_at ELSE true END",
    ),
    Invariant(
        "I26.sheet_entries_paid_in_time",
        "every paid entry was paid before its sheet's time was over",
        "SELECT e.id FROM sheet_entries e JOIN order_sheets s ON s.id = e.sheet_id"
        " JOIN payments p ON p.order_id = e.order_id AND p.status = 'captured'"
        " WHERE e.status IN ('paid', 'returned') GROUP BY e.id, s.ends_at"
        " HAVING min(p.captured_at) >= s.ends_at",
    ),
    Invariant(
        "I27.sheet_failed_means_repaid",
        "each paid entry of a failed or cancelled sheet has one refund in full, and no delivery",
        "SELECT e.id FROM sheet_entries e JOIN orders o ON o.id = e.order_id"
        " LEFT JOIN refunds r ON r.order_id = o.id AND r.reason = 'sheet_failed'"
        " WHERE e.status = 'returned' GROUP BY e.id, o.id"
        " HAVING count(r.id) <> 1 OR sum(r.amount_fen) <> o.total_fen"
        "   OR o.fulfilled_at IS NOT NULL OR o.status NOT IN ('refunding', 'refunded')"
        " UNION ALL SELECT e.id FROM sheet_entries e JOIN order_sheets s ON s.id = e.sheet_id"
        " WHERE s.status IN ('failed', 'cancelled') AND e.status IN ('held', 'paid')"
        " UNION ALL SELECT r.id FROM refunds r WHERE r.reason = 'sheet_failed' AND NOT EXISTS"
        " (SELECT FROM sheet_entries e JOIN order_sheets s ON s.id = e.sheet_id"
        "   WHERE e.order_id = r.order_id AND e.status = 'returned'"
        "   AND s.status IN ('failed', 'cancelled'))",
    ),
    Invariant(
        "I27.sheet_confirmed_means_kept",
        "no paid order of a confirmed sheet was repaid because of the sheet, or waits for it",
        "SELECT e.id FROM sheet_entries e JOIN order_sheets s ON s.id = e.sheet_id"
        "   AND s.status = 'confirmed'"
        " JOIN orders o ON o.id = e.order_id WHERE e.status = 'held'"
        " OR (e.status = 'paid' AND (o.is_held OR EXISTS (SELECT FROM refunds r"
        "   WHERE r.order_id = o.id AND r.reason IN ('sheet_failed', 'group_late', 'left'))))",
    ),
    Invariant(
        "I27.sheet_given_up_means_repaid",
        "an order whose entry lapsed or was given up is not delivered, and waits for nothing long",
        "SELECT e.id FROM sheet_entries e JOIN orders o ON o.id = e.order_id"
        " WHERE e.status IN ('lapsed', 'left') AND (o.fulfilled_at IS NOT NULL"
        "   OR (o.status = 'paid'"
        "     AND o.paid_at < CAST(:now AS timestamptz) - interval '1 minute'))",
    ),
)
