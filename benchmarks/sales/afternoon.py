"""An afternoon's work: Flask and SQLAlchemy, one row that everybody locks, an order a request.

It checks nothing of who asks, knows no limits and no repeated requests. gunicorn serves it.
"""

import os
from typing import Final

from flask import Flask, Response, jsonify
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

URL: Final = "BENCH_AFTERNOON_URL"
STOCK: Final = 1_000_000
ITEM: Final = 1
THREADS: Final = 16


class Base(DeclarativeBase):
    """The two tables of it."""


class Item(Base):
    """What is sold, with how many are left."""

    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    stock: Mapped[int]


class Order(Base):
    """Who bought one."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int]
    price_fen: Mapped[int]


def make_tables(url: str) -> None:
    """Make them, with plenty in stock."""
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add(Item(id=ITEM, stock=STOCK))
    engine.dispose()


def count_orders(url: str) -> int:
    """Count what was sold; `AssertionError` unless the stock went down by as much."""
    engine = create_engine(url)
    with Session(engine) as session:
        # By one statement, since the last answers of a run may still be under way.
        counted = select(func.count()).select_from(Order).scalar_subquery()
        sold, left = session.execute(select(counted, Item.stock)).one()
    engine.dispose()
    if sold + left != STOCK:
        raise AssertionError(f"{sold} sold and {left} left")
    return int(sold)


def make_app() -> Flask:
    """Return the application for a worker of gunicorn."""
    engine = create_engine(os.environ[URL], pool_size=THREADS, max_overflow=0)
    app = Flask("afternoon", static_folder=None)

    @app.get("/healthz")
    def health() -> str:
        return "ok"

    @app.post("/orders")
    def buy() -> tuple[Response, int]:
        with Session(engine) as session, session.begin():
            item = session.scalars(select(Item).where(Item.id == ITEM).with_for_update()).one()
            if item.stock < 1:
                return jsonify(error="sold out"), 409
            item.stock -= 1
            order = Order(item_id=item.id, price_fen=1000)
            session.add(order)
            session.flush()
            number = order.id
        return jsonify(order=number), 201

    return app
