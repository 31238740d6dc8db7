"""The database: declarative base, column types, and `begin`, the one way to open a transaction."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Engine,
    Enum,
    MetaData,
    Uuid,
    create_engine,
    event,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from kit.money import MOST_FEN, Fen

Begin = Callable[[], AbstractContextManager[Session]]

STATEMENT_TIMEOUT_SECONDS: Final = 15
LOCK_TIMEOUT_SECONDS: Final = 5
IDLE_TRANSACTION_TIMEOUT_SECONDS: Final = 30

_StatusT = TypeVar("_StatusT", bound=StrEnum)

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, stored as timestamptz; refuses naive values and always returns UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a moment without a zone, which would be read in whatever zone the session has."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return UTC whatever the session's zone is."""
        if value is None:
            return None
        if not isinstance(value, datetime):
            raise TypeError("the driver did not return a datetime")
        return value.astimezone(UTC)


class Base(DeclarativeBase):
    """The one metadata of every room's tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads a plain class attribute
        datetime: UtcDateTime(),
        Fen: BigInteger(),
        UUID: Uuid(),
        dict[str, Any]: JSONB(),
        list[str]: JSONB(),
    }


PrimaryId = Annotated[UUID, mapped_column(Uuid(), primary_key=True)]


def text_enum(kind: type[StrEnum], *, name: str) -> Enum:
    """Return a column type that stores `kind` as text with a CHECK called `name`.

    Not a PostgreSQL enum: adding a value is an ordinary migration of one CHECK.
    """
    return Enum(
        kind,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda members: [member.value for member in members],
        validate_strings=True,
    )


def positive_fen(column: str) -> CheckConstraint:
    """Return a CHECK that `column` is a positive amount no platform would refuse as too large."""
    return CheckConstraint(f"{column} > 0 AND {column} <= {MOST_FEN}", name=f"{column}_positive")


def fen_not_negative(column: str) -> CheckConstraint:
    """Return a CHECK that `column` is zero or a positive amount."""
    return CheckConstraint(f"{column} >= 0 AND {column} <= {MOST_FEN}", name=f"{column}_sane")


def make_engine(
    url: str,
    *,
    pool_size: int = 5,
    max_overflow: int = 5,
    application_name: str = "tuanka",
    by_index: bool = False,
) -> Engine:
    """Return an engine whose connections give up on locks and slow statements, never hang.

    `by_index` is for those who always look for a few rows in tables that grow fast: a connection
    keeps the plans that it made while a table was nearly empty, those of foreign keys too, and
    would go on reading the whole of it.
    """
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=5,
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={
            "application_name": application_name,
            "connect_timeout": 5,
            "options": "-c enable_seqscan=off" if by_index else "",
        },
    )

    @event.listens_for(engine, "connect")
    def _set_limits(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute(
            f"SET statement_timeout = '{STATEMENT_TIMEOUT_SECONDS}s';"
            f"SET lock_timeout = '{LOCK_TIMEOUT_SECONDS}s';"
            f"SET idle_in_transaction_session_timeout = '{IDLE_TRANSACTION_TIMEOUT_SECONDS}s'"
        )
        cursor.close()
        connection.commit()

    return engine


def make_begin(engine: Engine) -> Begin:
    """Return `begin`: `with begin() as session:` is one transaction, committed at its end."""
    return sessionmaker(engine, expire_on_commit=False).begin
