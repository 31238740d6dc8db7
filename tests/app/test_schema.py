"""The schema that migrations make is the one that the models describe."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from app.tables import metadata


class TestSchema:
    """Tables, columns with their types, indexes, unique constraints and foreign keys."""

    def test_migrations_and_models_agree(self, owner_url: str) -> None:
        """What one of them forgot would be seen only where it is missing."""
        engine = create_engine(owner_url)
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            missing = compare_metadata(context, metadata)
        engine.dispose()
        assert missing == []
