"""House rules that a machine can check: the code keeps them, and each sees a planted breach."""

import pytest

from tests.architecture import rules_of_safety, rules_of_shape, rules_of_state
from tests.architecture.source import ROOT, Rule, Source, every_source

RULES = (*rules_of_shape.RULES, *rules_of_state.RULES, *rules_of_safety.RULES)


@pytest.fixture(params=RULES, ids=lambda rule: rule.name)
def rule(request: pytest.FixtureRequest) -> Rule:
    """Return each rule in turn."""
    given = request.param
    assert isinstance(given, Rule)
    return given


class TestRules:
    def test_the_code_keeps_it(self, rule: Rule) -> None:
        found = [line for source in every_source() for line in rule.found_in(source)]
        assert not found, f"{rule.name}. {rule.why}\n" + "\n".join(found)

    def test_sees_every_planted_breach(self, rule: Rule) -> None:
        assert rule.planted
        for text in rule.planted:
            assert rule.sees(text), f"overlooked: {text}"

    def test_sees_nothing_in_what_is_right(self, rule: Rule) -> None:
        for text in rule.harmless:
            assert not rule.sees(text), f"wrongly found: {text}"

    def test_says_why(self, rule: Rule) -> None:
        assert rule.why.endswith(".")

    def test_every_exception_is_still_needed(self, rule: Rule) -> None:
        for path, reason in rule.exceptions.items():
            assert len(reason.split()) > 2, f"no reason for {path}"
            source = Source(path, (ROOT / path).read_text(encoding="utf-8"))
            assert list(rule.check(source)), f"{path} no longer needs its exception"


class TestEverySource:
    def test_holds_every_room_of_the_house(self) -> None:
        paths = {source.path for source in every_source()}
        for known in ("app/reactions.py", "kit/money.py", "shop/orders/service.py"):
            assert known in paths
        assert len(paths) > 200

    def test_leaves_no_program_out(self) -> None:
        known = {source.path for source in every_source()}
        for place in ROOT.iterdir():
            if place.name.startswith(".") or place.name in {"migrations", "var"}:
                continue
            for file in place.rglob("*.py"):
                assert file.relative_to(ROOT).as_posix() in known, f"no rule looks at {file}"
