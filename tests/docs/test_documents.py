"""What the pages name is there: links, paths, commands, settings, functions, routes, invariants."""

import json
import re
from collections import Counter
from typing import Final

import click
import pytest
from pydantic import BaseModel

from app import cli
from app.auditing.audit import EVERY_INVARIANT
from config.settings import Settings
from tests.docs.pages import ROOT, Page, anchors, every_page, page, said

# Variables that are no settings of the product, and where they are read.
OTHER_VARIABLES: Final = {
    "SANDBOX_PORT": "app/machine/environment.py",
    "SANDBOX_DIR": "sandbox/__main__.py",
    "PROMETHEUS_MULTIPROC_DIR": "app/metrics.py",
    "INSERT_ONLY": "app/migrate.py",
}
# Placeholders in commands.
STAND_INS: Final = frozenset({"DIFFERENCE_ID", "EVENT_ID", "OWNER_URL"})
ROOMS: Final = (
    "app",
    "config",
    "console",
    "demo",
    "docs",
    "kit",
    "migrations",
    "miniprogram_api",
    "public_site",
)
PATH: Final = re.compile(rf"(?:{'|'.join(ROOMS)}|sandbox|shop|tests)/[\w./-]*")
# What must not stand in a page: places of one machine, registries, other people's addresses.
STRANGE: Final = re.compile(r"/(?:home|root|work|tmp|Users)/|pypi|localhost|@[\w-]+\.\w|TODO|FIXME")


def names_of(model: type[BaseModel], prefix: str = "") -> set[str]:
    """Return the environment names of a group's settings, groups in it included."""
    names: set[str] = set()
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names |= names_of(kind, f"{prefix}{name}__")
        else:
            names.add(f"{prefix}{name}".upper())
    return names


def find_command(words: list[str]) -> click.Command | None:
    """Return the command that the words name, None when there is none."""
    commands: dict[str, click.Command] = {str(each.name): each for each in cli.COMMANDS}
    found = commands.get(words[0])
    for word in words[1:]:
        if isinstance(found, click.Group):
            found = found.commands.get(word)
    return found


@pytest.fixture(params=every_page(), ids=lambda found: found.path)
def each(request: pytest.FixtureRequest) -> Page:
    """Return each page in turn."""
    found = request.param
    assert isinstance(found, Page)
    return found


class TestForm:
    def test_lines_are_short_and_end(self, each: Page) -> None:
        assert each.text.endswith("\n")
        assert [line for line in each.text.splitlines() if len(line) > 120] == []
        assert [line for line in each.text.splitlines() if line != line.rstrip()] == []

    def test_has_one_title(self, each: Page) -> None:
        assert len(each.headings(1)) == 1

    def test_names_no_strange_place(self, each: Page) -> None:
        assert STRANGE.findall(each.text) == []

    def test_has_no_pictures_among_the_letters(self, each: Page) -> None:
        assert [
            letter for letter in each.text if ord(letter) > 0xFFFF or 0x2600 <= ord(letter) < 0x27C0
        ] == []

    def test_tables_are_whole(self, each: Page) -> None:
        for table in re.findall(r"(?:^\|.*\n)+", each.prose, re.MULTILINE):
            rows = [re.sub(r"`[^`]*`", "x", row) for row in table.splitlines()]
            assert len({row.count("|") for row in rows}) == 1, table


class TestNames:
    def test_every_link_leads_somewhere(self, each: Page) -> None:
        for link in each.links:
            assert "://" not in link, f"{link} is outside"
            path, _, anchor = link.partition("#")
            target = (ROOT / each.path).parent / path if path else ROOT / each.path
            assert target.exists(), link
            assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link

    def test_every_path_exists(self, each: Page) -> None:
        for span in each.spans:
            if PATH.fullmatch(span):
                assert (ROOT / span).exists(), span

    def test_every_make_target_exists(self) -> None:
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
        found = {
            (path, target)
            for path, command in said()
            for target in re.findall(r"\bmake ([a-z-]+)", command)
        }
        assert {pair for pair in found if pair[1] not in targets} == set()
        assert len(found) > 10

    def test_every_flask_command_and_option_exists(self) -> None:
        found = 0
        for path, text in said():
            for words in _flask_words(text):
                command = find_command(words)
                assert command is not None, f"{path}: flask {' '.join(words)}"
                options = {name for each in command.params for name in each.opts}
                for option in re.findall(r"--[a-z-]+", text.partition(words[-1])[2]):
                    assert option in options, f"{path}: {text}"
                found += 1
        assert found > 40

    def test_every_setting_exists(self) -> None:
        known = names_of(Settings) | set(OTHER_VARIABLES) | STAND_INS
        for path, text in said():
            for name in re.findall(r"\b[A-Z][A-Z0-9]*(?:_{1,2}[A-Z0-9]+)+\b", text):
                assert name in known, f"{path}: {name}"

    def test_every_other_variable_is_read(self) -> None:
        for name, place in OTHER_VARIABLES.items():
            assert name in (ROOT / place).read_text(encoding="utf-8"), name

    def test_every_function_of_a_flow_exists(self) -> None:
        found = 0
        for span in page("docs/architecture.md").spans:
            match = re.fullmatch(r"([a-z]+)\.([a-z_]+)\.([a-z_]+)", span)
            if match is None:
                continue
            file = ROOT / "shop" / match[1] / f"{match[2]}.py"
            assert f"def {match[3]}(" in file.read_text(encoding="utf-8"), span
            found += 1
        assert found > 20

    def test_every_route_exists(self) -> None:
        document = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
        ours = {
            f"{verb.upper()} {path}" for path, verbs in document["paths"].items() for verb in verbs
        }
        ours |= {"GET /metrics", "GET /operations/schedule"}
        for path, text in said():
            for route in re.findall(r"(?:GET|POST|PATCH|DELETE) /[\w/{}-]*", text):
                assert route in ours, f"{path}: {route}"


class TestPages:
    def test_architecture_names_every_invariant(self) -> None:
        audit = (ROOT / "app/auditing/audit.py").read_text(encoding="utf-8")
        every = EVERY_INVARIANT
        checked = {each.name for each in every} | set(
            re.findall(r'"((?:I[\d-]+I?\d*|ledger|outbox)\.\w+)"', audit)
        )
        told = page("docs/architecture.md").section("6. Invariants")
        assert set(re.findall(r"^\| `([\w.-]+)` \|", told, re.MULTILINE)) == checked

    def test_architecture_names_every_sweep(self) -> None:
        schedule = (ROOT / "app/schedule.py").read_text(encoding="utf-8")
        told = page("docs/architecture.md").section("3. Two mechanisms, no third")
        names = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)"', schedule))
        assert names
        assert names <= set(re.findall(r"^\| `([a-z_]+)` \|", told, re.MULTILINE))

    def test_architecture_has_a_line_for_every_room(self) -> None:
        told = page("docs/architecture.md").section("1. Storeys and rooms")
        for room in (ROOT / "shop").glob("*/__init__.py"):
            assert f"| `shop/{room.parent.name}/` |" in told

    def test_glossary_has_one_word_for_each_term(self) -> None:
        rows = re.findall(
            r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \|$", page("docs/glossary.md").prose, re.MULTILINE
        )
        rows = [row for row in rows if row[0] not in ("中文", "---")]
        for column in (0, 1):
            counts = Counter(row[column] for row in rows)
            assert [word for word, count in counts.items() if count > 1] == []
        assert len(rows) > 60

    def test_runbook_knows_every_command_of_an_operator(self) -> None:
        runbook = page("docs/runbook.md").text
        for command in cli.COMMANDS:
            names = list(command.commands) if isinstance(command, click.Group) else [""]
            for name in names:
                words = f"flask {command.name} {name}".strip()
                # The processes are named with the application, as a server starts them.
                assert words in runbook.replace(" --app app.cli", "") or words in LEFT_OUT, words

    def test_both_languages_say_the_same(self) -> None:
        english, chinese = page("README.md"), page("README.zh-CN.md")
        assert len(english.headings(2)) == len(chinese.headings(2))
        assert [link for link in english.links if "README" not in link] == [
            link for link in chinese.links if "README" not in link
        ]
        assert english.prose.count("\n|") == chinese.prose.count("\n|")
        assert english.blocks[-1] == chinese.blocks[-1]
        assert _names(english) == _names(chinese)


# For developers: CONTRIBUTING.md and the README tell of them.
LEFT_OUT: Final = frozenset({"flask openapi", "flask sample seed"})


def _names(found: Page) -> set[str]:
    return {span for span in found.spans if re.search(r"[A-Z]_[A-Z]|^make |/", span)}


def _flask_words(text: str) -> list[list[str]]:
    """Return the command words after `flask`, or in `make flask ARGS="…"`."""
    calls = re.findall(
        r'\bflask (?:--app app\.cli )?([a-z]+(?: [a-z-]+)?(?: [a-z]+)?)(?=[ `",;]|$)', text
    )
    calls += re.findall(r'ARGS="([a-z]+(?: [a-z]+)?)"', text)
    return [call.split() for call in calls]
