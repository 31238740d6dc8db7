"""Many rows by one statement: columns travel as arrays, so that a thousand cost one parse."""

import json
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum, auto
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    ColumnElement,
    Dialect,
    Enum,
    Integer,
    LargeBinary,
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
from sqlalchemy.orm import InstrumentedAttribute
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


def among(
    of: ColumnElement[Any] | InstrumentedAttribute[Any], name: str, kind: TypeEngine[Any]
) -> ColumnElement[bool]:
    """Return whether a column has one of the values of the parameter `name`, a list of this kind.

    `in_` writes the statement anew for each number of values.
    """
    return of == func.any(_array(name, kind))


class _Element(StrEnum):
    """How an element of an array is written."""

    NUMBER = auto()
    ID = auto()
    TEXT = auto()
    BYTES = auto()
    JSON = auto()


class _Literal(TypeDecorator[Sequence[Any]]):
    """A list of values, as PostgreSQL writes an array.

    The driver would ask of each element anew what it is, which costs more than the statement.
    """

    impl = String
    cache_ok = True

    def __init__(self, element: _Element) -> None:
        """Keep how elements are written."""
        super().__init__()
        self.element = element

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> str | None:
        """Return the array's text."""
        if value is None:
            return None
        write = _WRITERS[self.element]
        return f"{{{','.join('NULL' if one is None else write(one) for one in value)}}}"


def _array(name: str, kind: TypeEngine[Any]) -> ColumnElement[Any]:
    """Return the parameter as an array of this type."""
    for types, element in _ELEMENTS.items():
        if isinstance(kind, types):
            return cast(bindparam(name, type_=_Literal(element)), ARRAY(kind))
    return bindparam(name, type_=ARRAY(kind))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_ELEMENTS: Final[Mapping[tuple[type[TypeEngine[Any]], ...], _Element]] = {
    (Integer, BigInteger, SmallInteger): _Element.NUMBER,
    (Uuid,): _Element.ID,
    (String,): _Element.TEXT,
    (LargeBinary,): _Element.BYTES,
    (JSON,): _Element.JSON,
}
_WRITERS: Final[Mapping[_Element, Callable[[Any], str]]] = {
    _Element.NUMBER: str,
    _Element.ID: attrgetter("hex"),  # half as long to make as with its dashes
    _Element.TEXT: _quoted,
    _Element.BYTES: lambda value: f'"\\\\x{value.hex()}"',
    _Element.JSON: lambda value: _quoted(json.dumps(value)),
}


def _plain(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the type in which an element travels: enums are text."""
    return String() if isinstance(kind, Enum) else kind
