"""Two hundred hostile texts wherever the console shows what is stored: none becomes markup."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Enum, String, event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import attributes, object_mapper

from kit.db import Base
from tests.console.bench import Bench
from tests.console.filled import pages
from tests.console.markup import read
from tests.console.payloads import ALL, PAYLOADS

# What the console itself looks things up by.
KEYS = {("operators", "roles"), ("saved_views", "page"), ("operators", "password_hash")}
# These show more of what is stored than the name of whoever asks.
SHOWING = ("", "/campaigns", "/stock", "/orders", "/refunds", "/differences", "/jobs", "/audit",
           "/operators", "/views", "/account", "/products")  # fmt: skip
NAMELESS = ("/sign-in", "/snapshot")  # these do not even say who asks


def test_there_are_two_hundred() -> None:
    assert len(set(PAYLOADS)) == 200
    assert len(read("".join(f"<p>{payload}</p>" for payload in PAYLOADS)).dangers) > 200


def test_h130_i137_whatever_is_stored_is_shown_as_text(bench: Bench) -> None:
    paths = [path for path, _text in pages(bench.office, bench.clerk, bench.filled)]
    assert len(paths) > 20
    with poisoned():
        for path in paths:
            answer = bench.clerk.get(path)
            assert answer.status_code == 200, path
            page = read(answer.text)
            assert page.dangers == [], path
            whole = [text for text in page.texts if all(one in text for one in PAYLOADS)]
            at_least = 2 if path in SHOWING or is_one(path) else 1
            assert len(whole) >= at_least or path.endswith(NAMELESS), path


def is_one(path: str) -> bool:
    """Say whether it is the page of one campaign, order, product or SKU."""
    ones = ("/campaigns/0", "/orders/0", "/products/0", "/skus/0")
    return path.startswith(ones) and path.count("/") == 2


@contextmanager
def poisoned() -> Iterator[None]:
    """Have every text and every JSON value that is read hold all payloads; nothing is written."""
    for name in ("load", "refresh"):
        event.listen(Base, name, _poison, propagate=True)
    try:
        yield
    finally:
        for name in ("load", "refresh"):
            event.remove(Base, name, _poison)


def _poison(target: Any, *_told: Any) -> None:
    mapper = object_mapper(target)
    for column in mapper.column_attrs:
        kind = column.columns[0]
        if kind.primary_key or kind.foreign_keys or (str(kind.table), kind.key) in KEYS:
            continue
        value = target.__dict__.get(column.key)
        if value is None or isinstance(kind.type, Enum):
            continue
        if isinstance(kind.type, String):
            attributes.set_committed_value(target, column.key, ALL)
        elif isinstance(kind.type, JSONB):
            attributes.set_committed_value(target, column.key, _poisoned(value))


def _poisoned(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _poisoned(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_poisoned(one) for one in value]
    return ALL if isinstance(value, str) else value
