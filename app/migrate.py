"""Bringing the database to the newest schema, and the application's role to just its rights.

`python -m app.migrate` does it to DATABASE_OWNER_URL (else DATABASE_URL) for the role of
DATABASE_URL.
"""

import os
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, make_url, text

MIGRATIONS: Final = Path(__file__).resolve().parent.parent / "migrations"

# Rows of these tables are facts: the application may add them and never change or remove them.
INSERT_ONLY: Final = (
    "transfers",
    "status_changes",
    "reveals",
    "code_exports",
    "exported_cards",
    "notices",
    "security_events",
    "campaign_edges",
    "sheet_items",
    "draws",
    "touches",
    "attributions",
    "commission_entries",
    "push_templates",
    "operator_actions",
    "chat_group_events",
)


def migrate(owner_url: str, app_url: str) -> None:
    """Upgrade the schema as its owner, then grant the application's role its rights.

    The two may be the same; then the insert-only triggers alone protect the books.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = owner_url
    command.upgrade(config, "head")
    app_role = make_url(app_url).username
    if app_role and app_role != make_url(owner_url).username:
        _grant(owner_url, app_role)


def _grant(owner_url: str, role: str) -> None:
    quoted = '"' + role.replace('"', '""') + '"'
    # An account that became another kind would give all its transfers another meaning.
    facts = ", ".join((*INSERT_ONLY, "accounts"))
    statements = (
        f"GRANT USAGE ON SCHEMA public TO {quoted}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {quoted}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {quoted}",
        f"REVOKE UPDATE, DELETE, TRUNCATE ON {facts} FROM {quoted}",
        f"REVOKE ALL ON alembic_version FROM {quoted}",
        f"GRANT SELECT ON alembic_version TO {quoted}",
    )
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def main() -> None:
    """Do it to the database that the environment names."""
    app_url = os.environ["DATABASE_URL"]
    migrate(os.environ.get("DATABASE_OWNER_URL") or app_url, app_url)


if __name__ == "__main__":
    main()
