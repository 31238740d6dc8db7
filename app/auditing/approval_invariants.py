"""Invariants of approvals: steps, ends, two persons, and a line in the audit log for each deed."""

from typing import Final

from app.auditing.invariants import Invariant

APPROVAL_INVARIANTS: Final = (
    Invariant(
        "I13.steps_of_approvals_lead_here",
        "the last step written down of a request for approval ends at its status",
        "SELECT a.id FROM approvals a WHERE a.status <> coalesce((SELECT new FROM"
        "   status_changes s WHERE s.row_id = a.id ORDER BY seq DESC LIMIT 1), 'waiting')",
    ),
    Invariant(
        "I16.approvals_come_to_an_end",
        "a request for approval that waits has a moment at which it expires, and ends soon after",
        "SELECT id FROM approvals WHERE status = 'waiting' AND (due_at IS DISTINCT FROM expires_at"
        " OR due_at < CAST(:now AS timestamptz) - interval '1 hour')",
    ),
    Invariant(
        "approvals.carried_out_once",
        "what was carried out stands in the audit log once, by who decided, and nothing else does",
        "SELECT coalesce(a.id, d.id) FROM (SELECT * FROM approvals WHERE status = 'carried_out') a"
        " FULL JOIN (SELECT CAST(after ->> 'approval' AS uuid) id, count(*) times,"
        "   min(CAST(operator_id AS text)) who FROM operator_actions WHERE after ? 'approval'"
        "   GROUP BY 1) d ON d.id = a.id"
        " WHERE d.times IS DISTINCT FROM 1 OR d.who IS DISTINCT FROM CAST(a.decided_by_id AS text)"
        " OR a.decided_by_id = a.asked_by_id",
    ),
    Invariant(
        "I18.exported_codes_are_traced",
        "codes left the house as two persons said, as many, and no other card is marked",
        "SELECT e.id FROM code_exports e JOIN approvals a ON a.id = e.approval_id"
        " LEFT JOIN exported_cards x ON x.export_id = e.id GROUP BY e.id, a.id"
        " HAVING count(x.card_id) <> e.cards_count OR a.kind <> 'export_codes'"
        " OR a.status <> 'carried_out' OR a.subject <> CAST(e.batch_id AS text)"
        " OR (e.exported_by_id, e.approved_by_id) <> (a.asked_by_id, a.decided_by_id)"
        " OR e.at NOT BETWEEN a.ended_at AND a.ended_at + interval '30 minutes'"
        " UNION ALL SELECT c.id FROM cards c WHERE (c.exported_at IS NOT NULL)"
        "   <> EXISTS (SELECT FROM exported_cards x WHERE x.card_id = c.id)",
    ),
)
