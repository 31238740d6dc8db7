"""Invariants of campaigns and groups: seats, edges, money of groups, cards set aside."""

from typing import Final

from app.auditing.invariants import Invariant

CAMPAIGN_INVARIANTS: Final = (
    Invariant(
        "I18.allotments_are_kept",
        "no more units of a campaign's item are sold than were set aside for it",
        "SELECT i.id FROM campaign_items i JOIN order_lines l ON l.sku_id = i.sku_id"
        " JOIN orders o ON o.id = l.order_id AND o.campaign_id = i.campaign_id"
        "   AND o.status <> 'closed'"
        " GROUP BY i.id HAVING sum(l.quantity - l.refunded_quantity) > i.allotment",
    ),
    Invariant(
        "I18.nothing_is_set_aside_for_nobody",
        "no card is kept for a campaign that will never sell it",
        "SELECT k.id FROM cards k JOIN campaign_items i ON i.id = k.allotted_to"
        " JOIN campaigns c ON c.id = i.campaign_id AND c.status IN ('settled', 'cancelled')"
        " WHERE k.status = 'free'",
    ),
    Invariant(
        "I25.seats_fit",
        "a group has no more taken seats than it has seats, each number once, and counts them",
        "SELECT g.id FROM groups g LEFT JOIN seats s ON s.group_id = g.id"
        "   AND s.status IN ('held', 'paid')"
        " GROUP BY g.id HAVING count(s.id) > g.seats_max"
        " OR count(s.id) <> count(DISTINCT s.seat_no)"
        " OR (g.status <> 'failed'"
        "   AND g.seats_paid <> count(s.id) FILTER (WHERE s.status = 'paid'))",
    ),
    Invariant(
        "I26.formed_means_filled",
        "a formed group has its paid seats, or openly those of the house",
        "SELECT id FROM groups WHERE (status = 'formed' AND seats_paid + house_seats"
        "   < seats_required) OR (status = 'open' AND seats_paid >= seats_required)"
        " OR (house_seats > 0 AND NOT EXISTS (SELECT FROM house_completions h"
        "   WHERE h.group_id = groups.id AND h.approved_by IS NOT NULL))",
    ),
    Invariant(
        "I26.paid_in_time",
        "every paid seat of a group was paid before the group's time was over",
        "SELECT s.id FROM seats s JOIN groups g ON g.id = s.group_id"
        " JOIN payments p ON p.order_id = s.order_id AND p.status = 'captured'"
        " WHERE s.status = 'paid' GROUP BY s.id, g.ends_at HAVING min(p.captured_at) >= g.ends_at",
    ),
    Invariant(
        "I27.failed_means_repaid",
        "each paid seat of a failed group has one refund in full, and nothing was delivered",
        "SELECT s.id FROM seats s JOIN orders o ON o.id = s.order_id"
        " LEFT JOIN refunds r ON r.order_id = o.id AND r.reason = 'group_failed'"
        " WHERE s.status = 'returned' GROUP BY s.id, o.id"
        " HAVING count(r.id) <> 1 OR sum(r.amount_fen) <> o.total_fen"
        "   OR o.fulfilled_at IS NOT NULL OR o.status NOT IN ('refunding', 'refunded')",
    ),
    Invariant(
        "I27.formed_means_kept",
        "no order of a formed group was repaid because of the group, or still waits for it",
        "SELECT s.id FROM seats s JOIN groups g ON g.id = s.group_id AND g.status = 'formed'"
        " JOIN orders o ON o.id = s.order_id WHERE s.status = 'paid' AND (o.is_held"
        "   OR EXISTS (SELECT FROM refunds r WHERE r.order_id = o.id"
        "     AND r.reason IN ('group_failed', 'group_late', 'left')))",
    ),
    Invariant(
        "I27.no_orphan_payment",
        "a paid order that waits has a seat in an open group, or an entry on an open sheet",
        "SELECT o.order_no FROM orders o WHERE o.is_held AND o.status = 'paid'"
        " AND o.paid_at < CAST(:now AS timestamptz) - interval '1 minute' AND NOT EXISTS"
        " (SELECT FROM seats s JOIN groups g ON g.id = s.group_id WHERE s.order_id = o.id"
        "   AND s.status = 'paid' AND g.status = 'open') AND NOT EXISTS"
        " (SELECT FROM sheet_entries e JOIN order_sheets b ON b.id = e.sheet_id"
        "   WHERE e.order_id = o.id AND e.status = 'paid' AND b.status = 'open')",
    ),
    Invariant(
        "I27.nobody_pays_more",
        "nobody in a formed group has paid more than its price, what was given back taken off",
        "SELECT s.id FROM seats s JOIN groups g ON g.id = s.group_id AND g.status = 'formed'"
        " JOIN orders o ON o.id = s.order_id AND o.status IN ('paid', 'fulfilled')"
        " JOIN order_lines l ON l.order_id = o.id"
        " WHERE s.status = 'paid' AND l.unit_price_fen - l.dropped_fen > g.price_fen",
    ),
    Invariant(
        "I13.steps_of_groups_lead_here",
        "the last step written down for a campaign, group or seat leads to its status",
        "SELECT c.id FROM campaigns c WHERE c.status <> coalesce((SELECT new FROM"
        "   status_changes s WHERE s.row_id = c.id ORDER BY seq DESC LIMIT 1), 'draft')"
        " UNION ALL SELECT g.id FROM groups g WHERE g.status <> coalesce((SELECT new FROM"
        "   status_changes s WHERE s.row_id = g.id ORDER BY seq DESC LIMIT 1), 'open')"
        " UNION ALL SELECT t.id FROM seats t WHERE t.status <> coalesce((SELECT new FROM"
        "   status_changes s WHERE s.row_id = t.id ORDER BY seq DESC LIMIT 1), 'held')",
    ),
    Invariant(
        "I16.groups_come_to_an_end",
        "a group that is open has a moment at which a sweep decides it, and somebody in it",
        "SELECT g.id FROM groups g WHERE g.status = 'open' AND (g.due_at IS NULL OR NOT EXISTS"
        " (SELECT FROM seats s WHERE s.group_id = g.id AND s.status IN ('held', 'paid')))",
    ),
    Invariant(
        "I16.campaigns_come_to_an_end",
        "a campaign has a moment at which its next edge is passed, or its way of selling gives it"
        " one within a day of its end",
        "SELECT id FROM campaigns WHERE status IN ('scheduled', 'warming', 'live', 'paused',"
        " 'ended') AND due_at IS NULL AND NOT (status = 'ended' AND needs_release"
        "   AND released_at IS NULL AND ends_at > CAST(:now AS timestamptz) - interval '1 day')",
    ),
    Invariant(
        "I28.edges_once_and_in_order",
        "a campaign passed just the edges that lead to its status, none before its time",
        "SELECT c.id FROM campaigns c LEFT JOIN campaign_edges e ON e.campaign_id = c.id"
        " GROUP BY c.id HAVING bool_or(e.passed_at < e.due_at)"
        " OR (c.status IN ('live', 'paused', 'ended', 'settled'))"
        "   <> coalesce(bool_or(e.edge = 'open'), false)"
        " OR (c.status IN ('ended', 'settled')) <> coalesce(bool_or(e.edge = 'end'), false)"
        " OR (c.status = 'settled') <> coalesce(bool_or(e.edge = 'settle'), false)"
        " OR max(e.passed_at) FILTER (WHERE e.edge = 'open')"
        "   > max(e.passed_at) FILTER (WHERE e.edge = 'end')",
    ),
    Invariant(
        "I28.stopped_means_stopped",
        "while the emergency stop is on no campaign takes buyers",
        "SELECT c.id FROM campaigns c WHERE c.status = 'live'"
        " AND EXISTS (SELECT FROM campaign_stops WHERE NOT is_lifted)",
    ),
    Invariant(
        "I28.orders_in_the_window",
        "an order of a campaign was placed from its opening, or declared early access, on until"
        " the end of its window, last group or offer",
        "SELECT o.order_no FROM orders o JOIN campaigns c ON c.id = o.campaign_id"
        " LEFT JOIN flash_terms t ON t.campaign_id = c.id"
        " WHERE o.placed_at < c.starts_at - make_interval(secs => coalesce(t.early_seconds, 0))"
        " OR (o.placed_at >= c.ends_at AND NOT EXISTS"
        " (SELECT FROM seats s JOIN groups g ON g.id = s.group_id WHERE s.order_id = o.id"
        "   AND g.opened_at < c.ends_at AND o.placed_at < g.ends_at) AND NOT EXISTS"
        " (SELECT FROM waits w JOIN status_changes s ON s.row_id = w.id AND s.new = 'taken'"
        "   WHERE w.campaign_id = c.id AND s.at = o.placed_at AND o.placed_at < w.offered_until"
        "   AND w.offered_until <= coalesce(c.released_at, c.ends_at)"
        "     + make_interval(secs => c.trails_seconds)))",
    ),
)
