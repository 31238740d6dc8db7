"""Invariants of what platforms push: avatars that others see, customer groups heard of."""

from typing import Final

from app.auditing.invariants import Invariant

PUSHED_INVARIANTS: Final = (
    Invariant(
        "I13.steps_of_avatars_lead_here",
        "the last step written down of an avatar's check ends at its status",
        "SELECT a.id FROM avatar_checks a WHERE a.status <> coalesce((SELECT new FROM"
        " status_changes s WHERE s.row_id = a.id ORDER BY seq DESC LIMIT 1), 'waiting')",
    ),
    Invariant(
        "I16.avatars_are_looked_at",
        "an avatar that a platform was asked about has a moment at which it is asked again",
        "SELECT id FROM avatar_checks WHERE (status = 'asked' AND due_at IS NULL)"
        " OR (status IN ('passed', 'refused', 'replaced')"
        "   AND (due_at IS NOT NULL OR decided_at IS NULL))"
        " OR due_at < CAST(:now AS timestamptz) - interval '1 day'",
    ),
    Invariant(
        "I29.avatars_were_looked_at",
        "nobody's avatar is shown to others unless a platform has found nothing in just this one",
        "SELECT m.id FROM members m WHERE m.is_avatar_fit AND NOT EXISTS (SELECT 1"
        " FROM avatar_checks a WHERE a.member_id = m.id AND a.url = m.avatar_url"
        " AND a.status = 'passed')",
    ),
    Invariant(
        "I29.chat_groups_are_as_heard",
        "a chat group has the comings, goings and the end that WeCom told of it, each once",
        "SELECT g.id FROM chat_groups g LEFT JOIN chat_group_events e ON e.chat_group_id = g.id"
        " GROUP BY g.id HAVING"
        " g.members_joined <> coalesce(sum(e.members) FILTER (WHERE e.kind = 'joined'), 0)"
        " OR g.members_left <> coalesce(sum(e.members) FILTER (WHERE e.kind = 'left'), 0)"
        " OR (g.dismissed_at IS NOT NULL) <>"
        "   (count(*) FILTER (WHERE e.kind = 'dismissed') > 0)"
        " OR (g.dismissed_at IS NOT NULL AND g.is_active)",
    ),
)
