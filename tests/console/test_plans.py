"""No list of the console walks a large table: each finds its rows by an index, however many."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from sqlalchemy import Engine, event

from tests.console.bench import Bench

# Tables that grow with every sale; whatever else there is stays small enough to be read whole. Not
# those of which the planner knows by statistics alone that a row has few there: status changes.
LARGE: Final = frozenset(
    {
        *("orders", "order_lines", "payments", "refunds", "notices", "security_events"),
        *("cards", "members", "groups", "seats", "claims", "waits", "transfers"),
        *("operator_actions", "outbox_events", "pushes", "inbox_messages"),
        *("invites", "touches", "attributions", "commissions", "commission_entries"),
        *("withdrawals", "bill_lines", "differences", "sign_ins", "order_sheets"),
    }
)
MANY: Final = 1_000_000
LISTS: Final = (
    *("", "/orders", "/orders?status=pending", "/orders?status=refunded", "/orders?status=closed"),
    *("/orders?member={any}", "/orders?campaign={any}", "/orders?campaign={any}&status=paid"),
    *("/orders/{order_id}", "/payments", "/payments?status=closed", "/payments?channel=alipay"),
    *("/refunds", "/refunds?status=stuck", "/stock", "/jobs"),
    *("/search?q=TO123", "/search?q={any}", "/palette?q=TO123", "/members", "/members?q=abc123"),
    *("/members?status=deleted", "/members?q=TO123", "/leaders", "/leaders?tab=applicants"),
    *("/groups", "/groups?status=failed", "/groups?soon=yes", "/groups?campaign={any}"),
    *("/sheets", "/sheets?status=open", "/pushes", "/approvals"),
    *("/withdrawals", "/withdrawals?status=in_review", "/withdrawals?leader={any}"),
    *("/differences", "/differences?status=resolved", "/reconciliation", "/exports"),
    *("/audit", "/audit?actor=lin", "/audit?action=orders.refund", "/audit?subject={any}"),
    *("/campaigns", "/campaigns/{group_buy}", "/campaigns/{group_buy}/live"),
    *("/campaigns/{campaign_id}", "/campaigns/{campaign_id}/live"),
    *("/campaigns/{campaign_id}/pushes", "/products", "/products?status=draft&q=x"),
    *("/products?scenario=video", "/products/{product_id}", "/skus/{sku_id}"),
)
Node = Mapping[str, Any]


@contextmanager
def heard(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """Yield a list to which every statement is added that reads."""
    statements: list[tuple[str, Any]] = []

    def hear(_c: Any, _cursor: Any, statement: str, given: Any, _ctx: Any, _many: bool) -> None:
        if statement.lstrip().startswith("SELECT") and "FOR UPDATE" not in statement:
            statements.append((statement, given))

    event.listen(engine, "after_cursor_execute", hear)
    yield statements
    event.remove(engine, "after_cursor_execute", hear)


def nodes(plan: Node) -> Iterator[Node]:
    """Yield every step of a plan."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def walks(node: Node) -> bool:
    """Say whether a step goes through a large table, in its order or in that of its ids.

    A partial index without a condition is no such walk: it holds what is looked for, and little.
    """
    if node.get("Relation Name") not in LARGE:
        return False
    by_id = str(node.get("Index Name", "")).startswith("pk_")
    return node["Node Type"] == "Seq Scan" or (
        by_id and "Index Cond" not in node and "Filter" in node
    )


@contextmanager
def grown(owner_url: str) -> Iterator["psycopg.Connection[Any]"]:
    """Yield a connection whose planner takes every page for a million rows; nothing stays."""
    with psycopg.connect(owner_url.replace("+psycopg", "")) as owner:
        owner.execute("SET LOCAL enable_seqscan = off")  # of empty tables, too
        owner.execute(
            "UPDATE pg_class SET reltuples = %s, relpages = 1 WHERE relname = ANY(%s)",
            [MANY, list(LARGE)],
        )
        yield owner
        owner.rollback()


class TestPlans:
    def test_every_list_goes_by_an_index(
        self, bench: Bench, engine: Engine, owner_url: str
    ) -> None:
        ids = {**bench.filled.ids, "any": bench.filled.ids["order_id"]}
        found = []
        with grown(owner_url) as owner:
            for path in LISTS:
                with heard(engine) as statements:
                    answer = bench.clerk.get(path.format(**ids))
                assert answer.status_code in (200, 303), path
                for statement, given in statements:
                    told = owner.execute(f"EXPLAIN (FORMAT JSON) {statement}", given).fetchone()
                    assert told is not None
                    steps = [step for step in nodes(told[0][0]["Plan"]) if walks(step)]
                    found += [(path, step["Relation Name"], step.get("Filter")) for step in steps]
        assert not found, "\n".join(map(str, found))

    def test_a_walk_is_seen(self, engine: Engine, owner_url: str) -> None:
        """The test above sees what it looks for: no index holds how much an order costs."""
        with grown(owner_url) as owner:
            for query in (
                "SELECT id FROM orders WHERE total_fen = 5",
                "SELECT id FROM orders WHERE total_fen = 5 ORDER BY id DESC LIMIT 31",
            ):
                told = owner.execute(f"EXPLAIN (FORMAT JSON) {query}").fetchone()
                assert told is not None
                assert any(walks(step) for step in nodes(told[0][0]["Plan"])), query
