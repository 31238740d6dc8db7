"""House rules against attacks: comparing secrets, drawing them, running what is only data."""

import ast
from collections.abc import Iterator
from typing import Final

from tests.architecture.source import BESIDE, HOUSE, Finding, Rule, Source, calls, imports
from tests.architecture.source import last_name as last

SECRET_WORDS: Final = frozenset(
    {
        "sign",
        "signature",
        "mac",
        "hmac",
        "token",
        "digest",
        "hash",
        "fingerprint",
        "secret",
        "password",
        "otp",
    }
)
_NO_SECRET: Final = (None, "", b"", "-", "+")
UNSAFE_MODULES: Final = frozenset(
    {"pickle", "cPickle", "dill", "marshal", "shelve", "jsonpickle", "cloudpickle", "joblib"}
)
UNSAFE_CALLS: Final = frozenset(
    {
        "eval",
        "exec",
        "compile",
        "yaml.load",
        "yaml.load_all",
        "yaml.unsafe_load",
        "yaml.full_load",
        "os.system",
        "os.popen",
        "numpy.load",
    }
)
SQL_CALLS: Final = frozenset({"text", "execute", "exec_driver_sql", "scalar", "scalars", "DDL"})


def _is_secret(node: ast.expr) -> bool:
    return last(node).lower().rpartition("_")[2] in SECRET_WORDS


def _is_column(node: ast.expr) -> bool:
    """Tell `SignIn.token_hash`: a lookup by hash in the database, not a comparison here."""
    return isinstance(node, ast.Attribute) and last(node.value)[:1].isupper()


def _compared(source: Source) -> Iterator[Finding]:
    for node in source.nodes:
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        for index, operator in enumerate(node.ops):
            pair = sides[index : index + 2]
            if not isinstance(operator, ast.Eq | ast.NotEq):
                continue
            # Nothing, "" and a number's sign are no secrets: anybody may see whether it is so.
            empty = any(
                isinstance(side, ast.Constant) and side.value in _NO_SECRET for side in pair
            )
            if any(map(_is_secret, pair)) and not any(map(_is_column, pair)) and not empty:
                yield node.lineno, ast.unparse(node)


def _random(source: Source) -> Iterator[Finding]:
    for line, module in imports(source):
        if module in {"random", "numpy.random"}:
            yield line, "import random"
    for call, name in calls(source):
        if name in {"uuid.uuid1", "uuid1"}:
            yield call.lineno, "uuid1 tells machine and time"


def _runs_data(source: Source) -> Iterator[Finding]:
    for line, module in imports(source):
        if module.split(".")[0] in UNSAFE_MODULES:
            yield line, f"import {module}"
        if module in {"flask.render_template_string", "apscheduler.jobstores.sqlalchemy"}:
            yield line, f"import {module}"
    for call, name in calls(source):
        if name in UNSAFE_CALLS:
            yield call.lineno, f"{name}()"
        if name.rpartition(".")[2] in {"render_template_string", "from_string"}:
            yield call.lineno, f"{name}()"
        if any(
            word.arg == "shell"
            and not (isinstance(word.value, ast.Constant) and not word.value.value)
            for word in call.keywords
        ):
            yield call.lineno, "a shell"


def _glued_sql(source: Source) -> Iterator[Finding]:
    for call, name in calls(source):
        if name.rpartition(".")[2] in SQL_CALLS and call.args and _is_glued(call.args[0]):
            yield call.lineno, f"{name}() with SQL that is put together"


def _is_glued(node: ast.expr) -> bool:
    """Tell text made of parts: f"…{a}…", "…%s…" % a, "…" + a, "…".format(a)."""
    if isinstance(node, ast.JoinedStr):
        # A constant of the code may stand in it; SET, for one, takes no parameters.
        return any(
            isinstance(part, ast.FormattedValue) and not last(part.value).isupper()
            for part in node.values
        )
    if isinstance(node, ast.BinOp):
        return any(
            isinstance(part, ast.Constant) and isinstance(part.value, str)
            for part in ast.walk(node)
        )
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            return isinstance(node.func.value, ast.Constant)
        return last(node.func) == "text" and bool(node.args) and _is_glued(node.args[0])
    return False


def _job_stores(source: Source) -> Iterator[Finding]:
    for line, module in imports(source):
        if module.startswith("apscheduler.jobstores") and not module.startswith(
            "apscheduler.jobstores.memory"
        ):
            yield line, f"import {module}"


RULES: Final = (
    Rule(
        "a18: secrets are compared by hmac.compare_digest",
        "== ends at the first wrong byte, and how long it took tells how many were right.",
        _compared,
        planted=(
            "if sign == expected:\n    pass\n",
            "ok = notice.signature != made\n",
            "ok = made == row.token_hash\n",
            "ok = headers['token'] == given\n",
            "ok = a == mac == b\n",
            "ok = session_token == 'abc'\n",
        ),
        harmless=(
            "q.where(SignIn.token_hash == hashed)\n",
            "ok = sign_type == 'RSA2'\n",
            "ok = len(digest) == 32\n",
            "ok = signature == ''\n",
            "ok = match['sign'] == '-'\n",
            "ok = same(sign, expected)\n",
            "ok = design == 'x'\n",
        ),
    ),
    Rule(
        "e88: what must not be guessed comes from `secrets`",
        "`random` can be computed from a few of its outputs.",
        _random,
        exceptions={"kit/retry.py": "spreads load; no secret"},
        planted=("import random\n", "from random import choice\n", "x = uuid.uuid1()\n"),
        harmless=("import secrets\n", "from uuid import uuid4\n"),
    ),
    Rule(
        "i137 i140: data is never run",
        "Stored bytes, templates and YAML from outside must not become code.",
        _runs_data,
        places=(*HOUSE, *(place for place in BESIDE if place != "tests")),
        exceptions={"app/docs_page.py": "its template is a constant of that file"},
        planted=(
            "import pickle\n",
            "from marshal import loads\n",
            "eval(text)\n",
            "exec(text)\n",
            "yaml.load(text)\n",
            "from flask import render_template_string\n",
            "flask.render_template_string(text)\n",
            "environment.from_string(text)\n",
            "subprocess.run(text, shell=True)\n",
            "os.system(text)\n",
        ),
        harmless=(
            "re.compile(text)\n",
            "yaml.safe_load(text)\n",
            "render_template('a.html', a=a)\n",
            "subprocess.run([a], shell=False)\n",
            "retrieval(text)\n",
        ),
    ),
    Rule(
        "i136: SQL is never put together from text",
        "What travels as a parameter is never read as SQL.",
        _glued_sql,
        planted=(
            'text(f"SELECT {name}")\n',
            "session.execute(text('SELECT ' + name))\n",
            "session.execute('SELECT %s' % name)\n",
            "connection.exec_driver_sql('SELECT {}'.format(name))\n",
            'cursor.execute(f"SELECT {name}")\n',
            'text(f"SELECT {LIMIT + name}")\n',
        ),
        harmless=(
            "session.execute(text('SELECT :name'), {'name': name})\n",
            "session.execute(select(Order))\n",
            "session.execute(text(f'SET lock_timeout = {LOCK_SECONDS}'))\n",
            "connection.execute(sql.SQL('DROP {}').format(sql.Identifier(name)))\n",
        ),
    ),
    Rule(
        "i141: APScheduler keeps nothing",
        "Its stores pickle, and two schedulers must not share one; the rows are the schedule.",
        _job_stores,
        planted=(
            "from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore\n",
            "import apscheduler.jobstores.redis\n",
        ),
        harmless=("from apscheduler.jobstores.memory import MemoryJobStore\n",),
    ),
)
