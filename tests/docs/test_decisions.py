"""Every page of a decision is whole, short, and names a check that exists."""

import re
from typing import Final

import pytest

from tests.docs.pages import ROOT, Page, decisions

PARTS: Final = ["Context", "Decision", "Consequences", "Alternatives", "Check"]
LONGEST: Final = 60


@pytest.fixture(params=decisions(), ids=lambda found: found.path.rpartition("/")[2])
def decision(request: pytest.FixtureRequest) -> Page:
    """Return each decision in turn."""
    found = request.param
    assert isinstance(found, Page)
    return found


class TestDecision:
    def test_has_its_parts_in_order(self, decision: Page) -> None:
        assert decision.headings(2) == PARTS
        assert all(decision.section(part) for part in PARTS)

    def test_is_half_a_page(self, decision: Page) -> None:
        assert decision.text.count("\n") <= LONGEST

    def test_has_the_number_of_its_file(self, decision: Page) -> None:
        number = decision.path.rpartition("/")[2][:4]
        assert decision.headings(1)[0].startswith(f"{number}. ")

    def test_says_in_one_sentence_what_is_decided(self, decision: Page) -> None:
        lines = decision.section("Decision").splitlines()
        assert all(line.startswith("> ") for line in lines)
        sentence = " ".join(line.removeprefix("> ") for line in lines)
        assert re.fullmatch(r"[^.!?]+(?:\.\w[^.!?]*)*\.", sentence), sentence

    def test_names_a_test_that_exists(self, decision: Page) -> None:
        check = decision.section("Check")
        files = re.findall(r"\(\.\./\.\./(tests/[\w/]+\.py)\)", check)
        assert files
        text = "".join((ROOT / file).read_text(encoding="utf-8") for file in files)
        for name in re.findall(r"`(Test\w+|no_child_left)`", check):
            assert re.search(rf"(?:class|def) {name}\b", text), name
        rules = "".join(
            file.read_text(encoding="utf-8") for file in (ROOT / "tests/architecture").glob("*.py")
        )
        contracts = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        for quoted in re.findall(r'"([^"]+)"', " ".join(check.split())):
            assert quoted in rules or quoted in contracts, quoted


class TestDecisions:
    def test_have_numbers_of_their_own(self) -> None:
        numbers = [found.path.rpartition("/")[2][:4] for found in decisions()]
        assert len(set(numbers)) == len(numbers)
        assert numbers[0] == "0001"

    def test_that_are_named_in_the_code_exist(self) -> None:
        numbers = {found.path.rpartition("/")[2][:4] for found in decisions()}
        named: set[str] = set()
        for place in ("pyproject.toml", *(str(path) for path in ROOT.glob("*/**/*.py"))):
            if "/.venv/" not in place and "/var/" not in place:
                text = (ROOT / place).read_text(encoding="utf-8")
                named |= set(re.findall(r"docs/adr/(\d{4})", text))
        assert named <= numbers
