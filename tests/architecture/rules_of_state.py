"""House rules on what changes: transactions, status, money, the clock, tables of other rooms."""

import ast
from collections.abc import Iterator
from typing import Final

from tests.architecture.source import Finding, Rule, Source, calls, dotted, imports, last_name

CLOCK: Final = frozenset(
    {
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.datetime.today",
        "date.today",
        "datetime.date.today",
        "time.time",
        "time.time_ns",
        "time.monotonic",
        "time.monotonic_ns",
        "time.perf_counter",
        "time.perf_counter_ns",
        "time.localtime",
        "time.gmtime",
        "func.now",
        "func.current_timestamp",
        "func.clock_timestamp",
    }
)
MONEY_WORDS: Final = frozenset({"fen", "amount", "price", "yuan"})
OUTSIDE_WORDS: Final = frozenset({"gateway", "gateways", "desk", "platform", "redis", "requests"})


def _by_hand(source: Source) -> Iterator[Finding]:
    for node, name in calls(source):
        whose, _, verb = name.rpartition(".")
        # Ending a savepoint commits nothing: the transaction around it goes on.
        if verb in {"commit", "rollback"} and "." in name and whose != "savepoint":
            yield node.lineno, f"{name}()"


def _open_transactions(tree: ast.AST) -> list[ast.With]:
    """Return each `with begin()` in a tree."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.With) and any(_is_begin(item) for item in node.items)
    ]


def _is_begin(item: ast.withitem) -> bool:
    call = item.context_expr
    return isinstance(call, ast.Call) and last_name(call.func) in {"begin", "_begin"}


def _nested(source: Source) -> Iterator[Finding]:
    for outer in _open_transactions(source.tree):
        for inner in _open_transactions(outer):
            if inner is not outer:
                yield inner.lineno, "a transaction inside a transaction"


def _outside(source: Source) -> Iterator[Finding]:
    for transaction in _open_transactions(source.tree):
        for node in ast.walk(transaction):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if OUTSIDE_WORDS & set(_root_words(node.func.value)):
                yield node.lineno, f"{ast.unparse(node.func)} inside a transaction"


def _root_words(node: ast.expr) -> list[str]:
    while isinstance(node, ast.Subscript):
        node = node.value
    return last_name(node).strip("_").split("_")


def _status(source: Source) -> Iterator[Finding]:
    for node in source.nodes:
        for target in _targets(node):
            for part in ast.walk(target):
                if isinstance(part, ast.Attribute) and part.attr == "status":
                    yield part.lineno, f"{ast.unparse(part)} ="
    for call, name in calls(source):
        if name == "setattr" and len(call.args) > 1 and _literal(call.args[1]) == "status":
            yield call.lineno, "setattr of a status"
        if _is_update_of_status(call, name):
            yield call.lineno, "UPDATE of a status"


def _targets(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    if isinstance(node, ast.AugAssign | ast.AnnAssign):
        return [node.target]
    return []


def _is_update_of_status(call: ast.Call, name: str) -> bool:
    return (
        name.endswith(".values")
        and any(word.arg == "status" for word in call.keywords)
        and "update" in _called_in(call.func)
    )


def _called_in(node: ast.AST) -> set[str]:
    return {last_name(part.func) for part in ast.walk(node) if isinstance(part, ast.Call)}


def _literal(node: ast.expr) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def _is_money(node: ast.AST) -> bool:
    return bool(MONEY_WORDS & set(last_name(node).lower().split("_")))


def _fractions(source: Source) -> Iterator[Finding]:
    for line, module in imports(source):
        if module in {"decimal", "fractions"}:
            yield line, f"import {module}"
    for call, name in calls(source):
        if name in {"float", "Decimal", "round"}:
            yield call.lineno, f"{name}()"
    for node in source.nodes:
        if isinstance(node, ast.BinOp) and _is_fraction_of_money(node):
            yield node.lineno, ast.unparse(node)
        if isinstance(node, ast.AnnAssign | ast.arg) and _is_fen_no_int(node):
            yield node.lineno, ast.unparse(node)


def _is_fraction_of_money(node: ast.BinOp) -> bool:
    sides = (node.left, node.right)
    if not any(_is_money(side) for side in sides):
        return False
    return isinstance(node.op, ast.Div) or any(isinstance(_literal(side), float) for side in sides)


def _is_fen_no_int(node: ast.AnnAssign | ast.arg) -> bool:
    name = node.arg if isinstance(node, ast.arg) else last_name(node.target)
    said = ast.unparse(node.annotation) if node.annotation is not None else ""
    return "fen" in name.split("_") and ("float" in said or "Decimal" in said)


def _clock(source: Source) -> Iterator[Finding]:
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and dotted(node) in CLOCK:
            yield node.lineno, dotted(node)
    for line, name in imports(source):
        if name in CLOCK:
            yield line, f"from time import {name}"


def _relationships(source: Source) -> Iterator[Finding]:
    own = {node.name for node in source.nodes if isinstance(node, ast.ClassDef)}
    for node in source.nodes:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, ast.Call):
            continue
        if last_name(node.value.func) not in {"relationship", "backref", "dynamic_loader"}:
            continue
        said = ast.unparse(node)
        if not any(f"'{name}'" in said or f"[{name}" in said for name in own):
            yield node.lineno, "relationship to another room"


RULES: Final = (
    Rule(
        "nobody commits by hand",
        "A function that takes `session` joins a transaction; who opened it ends it.",
        _by_hand,
        exceptions={"kit/db.py": "opens every transaction, and sets limits on new connections"},
        planted=("session.commit()\n", "a.b().rollback()\n", "def f(s):\n    s.commit()\n"),
        harmless=(
            "commit()\n",
            "savepoint.rollback()\n",
            "x.committed()\n",
            "with begin() as session:\n    pass\n",
        ),
    ),
    Rule(
        "no transaction opens inside another",
        "The inner one commits although the outer may still fail, and waits for its locks.",
        _nested,
        planted=("with begin() as a:\n    with ports.begin() as b:\n        pass\n",),
        harmless=("with begin() as a:\n    pass\nwith begin() as b:\n    pass\n",),
    ),
    Rule(
        "the outside is called only between transactions",
        "A slow platform must not hold row locks, and a rollback cannot undo what it did.",
        _outside,
        planted=(
            "with begin() as s:\n    gateways[c].query(out_trade_no=n)\n",
            "with ports.begin() as s:\n    if x:\n        self._redis.get('a')\n",
        ),
        harmless=(
            "with begin() as s:\n    f(s)\ngateway.query()\n",
            "with begin() as s:\n    payments.query(s)\n",
        ),
    ),
    Rule(
        "a status changes only through move()",
        "Only there it is checked against the table of moves and written down.",
        _status,
        exceptions={
            "kit/lifecycle.py": "the only ways to make a move",
            "kit/idempotency.py": "the HTTP status of a stored answer",
        },
        planted=(
            "order.status = OrderStatus.PAID\n",
            "a, order.status = 1, 2\n",
            "order.status: str = 'paid'\n",
            "setattr(order, 'status', x)\n",
            "s.execute(update(Order).where(Order.id == i).values(status='paid'))\n",
        ),
        harmless=(
            "if order.status == OrderStatus.PAID:\n    pass\n",
            "s.execute(insert(Order).values(status='pending'))\n",
            "Order(status=OrderStatus.PENDING)\n",
        ),
    ),
    Rule(
        "money is whole fen",
        "0.1 + 0.2 is not 0.3; dividing goes through kit.money, whose parts sum to the whole.",
        _fractions,
        places=("flash_sale", "group_buy", "shop", "kit"),
        exceptions={
            "kit/database_clock.py": "seconds and an age without bound; no money in it",
            "shop/exports/cells.py": "a cell's number, made of the text of whole fen",
            "shop/exports/workbook_files.py": "knows by it which cells are money; counts nothing",
        },
        planted=(
            "import decimal\n",
            "from decimal import Decimal\n",
            "x = float(text)\n",
            "half = order.amount_fen / 2\n",
            "fee = price_fen * 0.006\n",
            "def f(amount_fen: float): pass\n",
            "x = round(y)\n",
        ),
        harmless=(
            "half = amount_fen // 2\n",
            "path = root / 'a'\n",
            "timeout_seconds: float = 1\n",
        ),
    ),
    Rule(
        "only kit/clock.py reads the clock",
        "`now` is handed in from the edge: one request has one, and a test says which.",
        _clock,
        exceptions={
            "kit/clock.py": "the one reader of the clock",
            "kit/database_clock.py": "brings the moment from the database to every process",
        },
        planted=(
            "from datetime import datetime\nx = datetime.now(UTC)\n",
            "x = datetime.datetime.utcnow()\n",
            "f(clock=time.time)\n",
            "from time import monotonic\n",
            "x = date.today()\n",
            "x = mapped_column(server_default=func.now())\n",
        ),
        harmless=("time.sleep(1)\n", "x = ports.clock()\n", "from time import sleep\n"),
    ),
    Rule(
        "no relationship() across rooms",
        "It makes the tables import each other; a key by table name needs no import.",
        _relationships,
        planted=("class A(Base):\n    member: Mapped['Member'] = relationship()\n",),
        harmless=(
            "class B(Base): pass\nclass A(Base):\n    b: Mapped[list['B']] = relationship()\n",
        ),
    ),
)
