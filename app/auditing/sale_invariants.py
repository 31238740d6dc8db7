"""Invariants of flash sales: claims and their orders, limits, what is set aside, draws."""

from typing import Final

from app.auditing.invariants import Invariant

SALE_INVARIANTS: Final = (
    Invariant(
        "I18.claims_within_allotment",
        "no more units of a flash sale are held or paid than were set aside for it",
        "SELECT t.campaign_id FROM flash_terms t JOIN campaign_items i ON i.id = t.item_id"
        " JOIN claims k ON k.campaign_id = t.campaign_id AND k.status IN ('held', 'paid')"
        # A closed order's cards are free at once; its claims hear of it a moment later.
        " JOIN orders o ON o.id = k.order_id AND o.status <> 'closed'"
        " GROUP BY t.campaign_id, i.allotment HAVING count(*) > i.allotment",
    ),
    Invariant(
        "I18.claims_within_limit",
        "no member holds or has paid more units of a flash sale than the limit, each number once",
        "SELECT k.member_id FROM claims k JOIN flash_terms t ON t.campaign_id = k.campaign_id"
        " JOIN campaigns c ON c.id = k.campaign_id WHERE k.status IN ('held', 'paid')"
        " GROUP BY k.member_id, k.campaign_id, c.limit_per_member"
        " HAVING count(*) > c.limit_per_member OR count(DISTINCT k.unit_no) <> count(*)",
    ),
    Invariant(
        "I19.orders_have_their_claims",
        "an order of a flash sale has a claim for each unit, and no other order has any",
        "SELECT o.order_no FROM orders o JOIN flash_terms t ON t.campaign_id = o.campaign_id"
        " WHERE (SELECT coalesce(sum(l.quantity), 0) FROM order_lines l WHERE l.order_id = o.id)"
        "   <> (SELECT count(*) FROM claims k WHERE k.order_id = o.id)"
        " UNION ALL SELECT k.id::text FROM claims k JOIN orders o ON o.id = k.order_id"
        " WHERE o.campaign_id IS DISTINCT FROM k.campaign_id",
    ),
    Invariant(
        "I13.claims_follow_their_orders",
        "a claim stands as its order does, a minute after that changed at the latest",
        "SELECT k.id FROM claims k JOIN orders o ON o.id = k.order_id"
        " WHERE NOT CASE k.status WHEN 'held' THEN o.status = 'pending'"
        "   WHEN 'paid' THEN o.status IN ('paid', 'fulfilled', 'refunding')"
        "   WHEN 'lapsed' THEN o.status = 'closed' ELSE o.status = 'refunded' END"
        " AND NOT (k.status IN ('held', 'paid')"  # the news may be on its way to them
        "   AND EXISTS (SELECT FROM status_changes s WHERE s.row_id = o.id"
        "     AND s.at >= CAST(:now AS timestamptz) - interval '1 minute'))",
    ),
    Invariant(
        "I13.steps_of_sales_lead_here",
        "the last step written down for a claim or a wait leads to its status",
        "SELECT k.id FROM claims k WHERE k.status <> coalesce((SELECT new FROM"
        "   status_changes s WHERE s.row_id = k.id ORDER BY seq DESC LIMIT 1), 'held')"
        " UNION ALL SELECT w.id FROM waits w WHERE w.status <> coalesce((SELECT new FROM"
        "   status_changes s WHERE s.row_id = w.id ORDER BY seq DESC LIMIT 1), 'waiting')",
    ),
    Invariant(
        "I18.offers_are_set_aside",
        "one card is kept for each offer, and none for a wait that has none",
        "SELECT w.id FROM waits w LEFT JOIN cards k ON k.allotted_to = w.id"
        " GROUP BY w.id HAVING count(k.id) <> CASE w.status WHEN 'offered' THEN 1 ELSE 0 END"
        " OR bool_or(k.status <> 'free') OR bool_or(k.order_line_id IS NOT NULL)"
        " UNION ALL SELECT w.id FROM waits w JOIN flash_terms t ON t.campaign_id = w.campaign_id"
        " JOIN campaign_items i ON i.id = t.item_id JOIN cards k ON k.allotted_to = w.id"
        " WHERE k.sku_id <> i.sku_id",
    ),
    Invariant(
        "I16.offers_come_to_an_end",
        "an offer has a moment at which a sweep ends it, soon after its time",
        "SELECT id FROM waits WHERE (status = 'offered') <> (due_at IS NOT NULL)"
        " OR (status = 'offered'"
        "   AND offered_until < CAST(:now AS timestamptz) - interval '10 minutes')",
    ),
    Invariant(
        "I16.waits_come_to_an_end",
        "nobody waits for a unit of a sale that is over, a minute after that at the latest",
        "SELECT w.id FROM waits w JOIN campaigns c ON c.id = w.campaign_id"
        " WHERE w.status = 'waiting' AND (c.status IN ('cancelled', 'settled')"
        "   OR (c.status = 'ended' AND NOT c.needs_release))"
        " AND NOT EXISTS (SELECT FROM status_changes s WHERE s.row_id = c.id"
        "   AND s.at >= CAST(:now AS timestamptz) - interval '1 minute')",
    ),
    Invariant(
        "I28.draws_are_whole",
        "a draw ranked everybody who was in it from 1 on, promised no more units than these, and"
        " came before its campaign's trail",
        "SELECT d.campaign_id FROM draws d LEFT JOIN waits w ON w.campaign_id = d.campaign_id"
        " AND w.rank > 0 GROUP BY d.campaign_id HAVING count(w.id) <> d.entries"
        " OR count(DISTINCT w.rank) <> d.entries OR coalesce(max(w.rank), 0) <> d.entries"
        " OR d.winners > d.entries"
        " UNION ALL SELECT w.id FROM waits w WHERE w.rank <> 0 AND NOT EXISTS"
        " (SELECT FROM draws d WHERE d.campaign_id = w.campaign_id)"
        " UNION ALL SELECT c.id FROM campaigns c JOIN flash_terms t ON t.campaign_id = c.id"
        " AND t.mode = 'lottery' LEFT JOIN draws d ON d.campaign_id = c.id"
        " WHERE c.released_at IS DISTINCT FROM d.drawn_at"
        " OR (c.status = 'settled' AND d.drawn_at IS NULL)",
    ),
    Invariant(
        "I28.lots_decide",
        "of a lottery only who was drawn is offered a unit, in the order of the draw, and claims",
        "SELECT w.id FROM waits w JOIN flash_terms t ON t.campaign_id = w.campaign_id"
        " AND t.mode = 'lottery' WHERE w.offered_until IS NOT NULL AND (w.rank = 0 OR EXISTS"
        " (SELECT FROM waits v WHERE v.campaign_id = w.campaign_id AND v.rank < w.rank"
        "   AND v.status IN ('waiting', 'over')))"
        " UNION ALL SELECT t.campaign_id FROM flash_terms t WHERE t.mode = 'lottery'"
        " AND (SELECT count(*) FROM claims k WHERE k.campaign_id = t.campaign_id)"
        "   > (SELECT count(*) FROM waits w WHERE w.campaign_id = t.campaign_id"
        "     AND w.status = 'taken')",
    ),
)
