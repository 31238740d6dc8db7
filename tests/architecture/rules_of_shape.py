"""House rules on the shape of files: first sentence, size, names, imports, silenced checks."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from typing import Final

from tests.architecture.source import BESIDE, HOUSE, Finding, Rule, Source, calls, imports

MOST_FILE_LINES: Final = 300
MOST_FUNCTION_LINES: Final = 50
DRAWERS: Final = frozenset({"utils", "util", "helpers", "common", "base", "manager", "misc"})
_SILENCED: Final = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:\s*no cover|nosec)\b(?P<rest>.*)")
_REASON: Final = re.compile(r"\s-\s+\w+|#\s*\w+\s+\w+")


def _first_sentence(source: Source) -> Iterator[Finding]:
    words = (ast.get_docstring(source.tree) or "").split("\n\n")[0].strip()
    if not words:
        yield 1, "no docstring"
    elif not words.endswith("."):
        yield 1, "the docstring's first paragraph is no sentence"


def _sizes(source: Source) -> Iterator[Finding]:
    lines = source.text.count("\n") + (not source.text.endswith("\n"))
    if lines > MOST_FILE_LINES:
        yield lines, f"{lines} lines"
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MOST_FUNCTION_LINES:
                yield node.lineno, f"{node.name} has {length} lines"


def _drawers(source: Source) -> Iterator[Finding]:
    parts = source.path.removesuffix(".py").split("/")
    for part in parts:
        if DRAWERS & set(part.split("_")):
            yield 1, f"{part} says nothing about what is in it"


def _relative_imports(source: Source) -> Iterator[Finding]:
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom) and node.level:
            yield node.lineno, "relative import"


def _handed_on(source: Source) -> Iterator[Finding]:
    if source.name != "__init__.py":
        return
    for node in source.tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node.lineno, "an __init__ hands on names"


def _beside_from_house(source: Source) -> Iterator[Finding]:
    for line, module in imports(source):
        if module.split(".")[0] in BESIDE:
            yield line, f"import {module}"


def _hidden_imports(source: Source) -> Iterator[Finding]:
    for call, name in calls(source):
        if name.rpartition(".")[2] in {"import_module", "__import__"}:
            yield call.lineno, f"{name}()"


def _silenced(source: Source) -> Iterator[Finding]:
    if not _SILENCED.search(source.text):
        return  # to look for comments takes far longer
    lines = source.text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type != tokenize.COMMENT:
            continue
        match = _SILENCED.search(token.string)
        if match is None or _REASON.search(match["rest"]):
            continue
        if not _reason_above(lines, token.start[0] - 2):
            yield token.start[0], "silenced without a reason"


def _reason_above(lines: list[str], index: int) -> bool:
    """Tell a comment above the line, or above the block of silenced lines it belongs to."""
    while index >= 0 and _SILENCED.search(lines[index]):
        index -= 1
    return index >= 0 and lines[index].strip().startswith("#")


RULES: Final = (
    Rule(
        "every file opens with one sentence saying what it is for",
        "A reader decides by it whether to read on.",
        _first_sentence,
        places=(*HOUSE, *BESIDE),
        planted=("", "x = 1\n", '"""No full stop"""\n'),
        harmless=('"""What it is for."""\n', '"""What it is for.\n\nMore\n"""\n'),
    ),
    Rule(
        "files stay under 300 lines and functions under 50",
        "Size does not hold itself: good code bases grow files of thousands of lines.",
        _sizes,
        places=(*HOUSE, *BESIDE),
        planted=(
            "x = 1\n" * 301,
            "def f():\n" + "    x = 1\n" * 50,
            "class A:\n    async def f(self):\n" + "        x = 1\n" * 50,
        ),
        harmless=("x = 1\n" * 300, "def f():\n" + "    x = 1\n" * 49),
    ),
    Rule(
        "no module is a junk drawer",
        "What is called utils takes in anything; the name of the matter keeps the rest out.",
        _drawers,
        places=(*HOUSE, *BESIDE),
        planted=("",),
        planted_at="shop/orders/order_utils.py",
    ),
    Rule(
        "imports are absolute",
        "One name for one module, and the contracts and a search find every use of it.",
        _relative_imports,
        places=(*HOUSE, *BESIDE),
        planted=("from . import rules\n", "def f():\n    from ..cards import service\n"),
        harmless=("from shop.cards import service\n",),
    ),
    Rule(
        "the house knows nothing of what stands beside it",
        "What runs in production must not need the tests, tools, benchmarks or the simulation.",
        _beside_from_house,
        planted=("from tests.servers import free_port\n", "import benchmarks.load\n"),
        harmless=("from kit.money import Fen\n",),
    ),
    Rule(
        "imports are written as imports",
        "The contracts do not see a module that is imported by a text.",
        _hidden_imports,
        exceptions={
            "app/machine/web.py": "loads wsgi.py as the web server would",
            "app/openapi.py": "imports every module of the house, so that all refusals are known",
        },
        planted=("importlib.import_module('shop.orders')\n", "__import__('app')\n"),
        harmless=("import app.reactions\n",),
    ),
    Rule(
        "an __init__ hands nothing on",
        "A name has one home; importing a room must not import all of it.",
        _handed_on,
        planted=("from shop.orders.models import Order\n", "import shop.orders.models\n"),
        harmless=('"""The orders room."""\n',),
        planted_at="shop/orders/__init__.py",
    ),
    Rule(
        "a check is silenced only with its reason",
        "The next reader must be able to tell whether the reason still holds.",
        _silenced,
        places=(*HOUSE, *BESIDE),
        planted=(
            "import a  # noqa\n",
            "import a  # noqa: F401\n",
            "x = f()  # type: ignore\n",
            "x = f()  # type: ignore[attr-defined]\n",
            "# noqa: F401\nx = f()  # noqa: F401\n",
            "def f():  # pragma: no cover\n    pass\n",
        ),
        harmless=(
            "import a  # noqa: F401 - registers the tables\n",
            "# It registers the tables.\nimport a  # noqa: F401\n",
            "x = f()  # type: ignore[attr-defined]  # the library says Any\n",
            "# Both register tables.\nimport a  # noqa: F401\nimport b  # noqa: F401\n",
            's = "# noqa"\n',
        ),
    ),
)
