"""Many rows by one statement: columns travel as arrays, so that a thousand cost one parse."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, Enum, String, Table, bindparam, column, func, insert, select
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeEngine


def array_table(name: str, columns: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    """Return parameters `<name>_<column>`, lists of one length, as a table to select from."""
    arrays = [
        bindparam(f"{name}_{key}", type_=ARRAY(_plain(kind))) for key, kind in columns.items()
    ]
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


def _plain(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the type in which an element travels: enums are text."""
    return String() if isinstance(kind, Enum) else kind
