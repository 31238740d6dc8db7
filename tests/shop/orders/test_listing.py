"""The console's lists of orders have indexes of their own, and nobody else comes to use them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Engine, Select, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from kit.ids import new_id
from shop.orders import queries
from shop.orders.models import Order, OrderStatus


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """Return a session whose tables are empty and were never looked over, as on the first day."""
    with Session(engine) as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        session.execute(text("SET LOCAL enable_bitmapscan = off"))
        yield session


def plan(session: Session, query: Select[Any], **given: Any) -> str:
    """Return how the database would go about a query."""
    filled = query.params(**given).compile(
        dialect=postgresql.dialect(),  # type: ignore[no-untyped-call] # untyped in the library
        compile_kwargs={"literal_binds": True},
    )
    raw = session.connection().exec_driver_sql(f"EXPLAIN {filled}".replace("%", "%%"))
    return "\n".join(line for (line,) in raw)


def listed(conditions: list[ColumnElement[bool]]) -> Select[Any]:
    """Return the query of a page."""
    return select(Order.id).where(*conditions).order_by(Order.id.desc()).limit(31)


class TestLists:
    @pytest.mark.parametrize("status", [one for one in OrderStatus if one != OrderStatus.FULFILLED])
    def test_go_by_their_indexes(self, session: Session, status: OrderStatus) -> None:
        assert "ix_orders_listed " in plan(session, listed(queries.with_status(status)))
        assert "ix_orders_listed_campaign" in plan(session, listed(queries.of_campaign(new_id())))

    def test_purchases_and_sweeps_do_not(self, session: Session, now: datetime) -> None:
        bought = {"campaign": new_id(), "member": new_id()}
        plans = [
            plan(session, queries.BOUGHT_IN_CAMPAIGN, **bought),
            plan(session, queries.due_to_close(now)),
            plan(session, queries.due_to_fulfil(now)),
        ]
        assert not [one for one in plans if "ix_orders_listed" in one]
