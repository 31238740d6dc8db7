"""How Alembic reaches the database: the URL handed in by `app.migrate`, or the environment's."""

import os

from alembic import context
from sqlalchemy import create_engine, text

from app.tables import metadata


def _url() -> str:
    given = context.config.attributes.get("url")
    return str(given or os.environ.get("DATABASE_OWNER_URL") or os.environ["DATABASE_URL"])


def run() -> None:
    """Run the migrations in one transaction, giving up on locks instead of queueing the shop."""
    engine = create_engine(_url())
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '5s'"))
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_type=True,
            transaction_per_migration=False,
        )
        context.run_migrations()
    engine.dispose()


run()
