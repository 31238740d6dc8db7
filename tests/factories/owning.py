"""The schema's owner at work: what no application may do, in a transaction that leaves nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, sessionmaker

from kit.db import Begin


@contextmanager
def owning(owner_url: str) -> Iterator[Begin]:
    """Yield `begin` with the owner's rights over the test database; all of it is rolled back."""
    engine = create_engine(owner_url)
    try:
        with engine.connect() as connection:
            outer = connection.begin()
            yield sessionmaker(
                connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
            ).begin
            outer.rollback()
    finally:
        engine.dispose()


def plant(session: Session, sql: str, **values: Any) -> None:
    """Change what triggers and checks of other tables would not let anybody change."""
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(text(sql), values)
    session.execute(text("SET LOCAL session_replication_role = origin"))
