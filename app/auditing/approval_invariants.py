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
)
