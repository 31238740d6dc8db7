"""Invariants of outreach: one message per push, one message per grant, nobody left untold."""

from typing import Final

from app.auditing.invariants import Invariant


def _last_step(table: str, initial: str) -> str:
    return (
        f"SELECT t.id FROM {table} t WHERE t.status <> coalesce((SELECT new FROM"  # noqa: S608 - both words are of this file
        " status_changes s"
        f" WHERE s.row_id = t.id AND s.kind <> 'member' ORDER BY seq DESC LIMIT 1), '{initial}')"
    )


OUTREACH_INVARIANTS: Final = (
    Invariant(
        "I13.steps_of_pushes_lead_here",
        "the last step written down of a push, a delivery or a grant ends at its status",
        f"{_last_step('pushes', 'planned')} UNION ALL {_last_step('subscribe_grants', 'open')}"
        # A delivery has the id of its message, which has no steps.
        f" UNION ALL {_last_step('deliveries', 'planned')}",
    ),
    Invariant(
        "I16.pushes_come_to_an_end",
        "a push or a delivery that may still be sent has a moment at which a sweep looks at it",
        "SELECT id FROM pushes WHERE status IN ('planned', 'sending', 'awaiting_owner')"
        " AND (due_at IS NULL OR due_at < CAST(:now AS timestamptz) - interval '1 day')"
        " UNION ALL SELECT id FROM pushes WHERE status IN ('sent', 'confirmed', 'failed',"
        "   'skipped') AND due_at IS NOT NULL"
        " UNION ALL SELECT id FROM deliveries WHERE (status IN ('planned', 'sending'))"
        "   <> (due_at IS NOT NULL) OR due_at < CAST(:now AS timestamptz) - interval '1 day'",
    ),
    Invariant(
        "I29.one_message_per_push",
        "a push was booked as sent or made once, and there is one per campaign, edge and group",
        "SELECT row_id FROM status_changes WHERE kind = 'push' AND old = 'sending'"
        "   AND new IN ('sent', 'awaiting_owner') GROUP BY row_id HAVING count(*) > 1"
        " UNION ALL SELECT chat_group_id FROM pushes GROUP BY campaign_id, edge, chat_group_id"
        "   HAVING count(*) > 1"
        " UNION ALL SELECT id FROM pushes WHERE status IN ('sent', 'awaiting_owner', 'confirmed',"
        "   'escalated') AND (handed_at IS NULL OR text IS NULL)",
    ),
    Invariant(
        "I29.pushes_lead_to_their_group",
        "a push links to an invite for its own campaign and chat group, and says so",
        "SELECT p.id FROM pushes p LEFT JOIN invites i ON i.code = p.invite_code"
        " WHERE i.campaign_id IS DISTINCT FROM p.campaign_id"
        "   OR i.chat_group_id IS DISTINCT FROM p.chat_group_id"
        "   OR p.text NOT LIKE '%/s/' || p.invite_code || '%'",
    ),
    Invariant(
        "I29.grants_are_used_once",
        "a grant that is reserved or used has one delivery, which stands as the grant does",
        "SELECT g.id FROM subscribe_grants g LEFT JOIN deliveries d ON d.grant_id = g.id"
        " WHERE CASE g.status WHEN 'open' THEN d.id IS NOT NULL"
        "   WHEN 'reserved' THEN d.id IS NULL OR d.status NOT IN ('planned', 'sending')"
        "   WHEN 'used' THEN d.id IS NULL OR d.status NOT IN ('sent', 'unknown')"
        "   ELSE d.status IN ('sent', 'unknown') END"
        " UNION ALL SELECT grant_id FROM deliveries WHERE grant_id IS NOT NULL"
        "   GROUP BY grant_id HAVING count(*) > 1",
    ),
    Invariant(
        "I29.members_are_told",
        "whoever was refunded or got cards has it in the inbox, unless the account is gone",
        "SELECT e.id FROM outbox_events e JOIN outbox_receipts r ON r.event_id = e.id"
        "   AND r.handler LIKE 'shop.outreach.handlers.tell_member_%'"
        " JOIN orders o ON o.id = CAST(e.payload->>'order_id' AS uuid)"
        " JOIN members m ON m.id = o.member_id AND m.status <> 'deleted'"
        " WHERE NOT EXISTS (SELECT FROM inbox_messages i WHERE i.cause = CASE e.name"
        "   WHEN 'orders.refunded' THEN 'refund:' || (e.payload->>'refund_id')"
        "   ELSE 'cards:' || (e.payload->>'order_id') END)",
    ),
)
