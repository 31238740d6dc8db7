"""Many rows by one statement: columns travel as arrays, so that a thousand cost one parse."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Dialect,
    Enum,
    Integer,
    SmallInteger,
    String,
    Table,
    Uuid,
    bindparam,
    cast,
    column,
    func,
    insert,
    select,
)
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeDecorator, TypeEngine


def array_table(name: str, columns: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    """Return parameters `<name>_<column>`, lists of one length, as a table to select from."""
    arrays = [_array(f"{name}_{key}", _plain(kind)) for key, kind in columns.items()]
    listed = [column(key, _plain(kind)) for key, kind in columns.items()]
    return func.unnest(*arrays).table_valued(*listed).render_derived(name=name)


def inserting(table: Table, *, each: Sequence[str], same: Sequence[str] = ()) -> Insert:
    """Return an INSERT of any number of rows, to be kept where it is run often.

    It takes `row_<column>`, a list with one value a row, for each column of `each`, and
    `all_<column>`, one value for all rows, for each column of `same`.
    """
    rows = array_table("row", {key: table.c[key].type for key in each})
    constants = [bindparam(f"all_{key}", type_=table.c[key].type) for key in same]
    return insert(table).from_select(
        [*each, *same], select(*[rows.c[key] for key in each], *constants)
    )


class _Literal(TypeDecorator[Sequence[Any]]):
    """A list of ids, whole numbers or texts, as PostgreSQL writes an array.

    The driver would ask of each element anew what it is, which costs more than the statement.
    """

    impl = String
    cache_ok = True

    def __init__(self, *, is_text: bool = False) -> None:
        """Texts are put in quotes."""
        super().__init__()
        self.is_text = is_text

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> str | None:
        """Return the array's text."""
        if value is None:
            return None
        return f"{{{','.join(map(_quoted if self.is_text else str, value))}}}"


def _array(name: str, kind: TypeEngine[Any]) -> ColumnElement[Any]:
    """Return the parameter as an array of this type."""
    if isinstance(kind, String):
        return cast(bindparam(name, type_=_Literal(is_text=True)), ARRAY(kind))
    if isinstance(kind, Uuid | Integer | BigInteger | SmallInteger):
        return cast(bindparam(name, type_=_Literal()), ARRAY(kind))
    return bindparam(name, type_=ARRAY(kind))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _plain(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the type in which an element travels: enums are text."""
    return String() if isinstance(kind, Enum) else kind
