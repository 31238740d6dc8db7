"""Who plays what: every part is played, and the same seed gives the same evening."""

import re

import pytest

from demo import acts
from demo.cast import EVERY_HUNDRED, FEWEST_MEMBERS, PARTS, cast


@pytest.mark.parametrize("members", [FEWEST_MEMBERS, 40, 100, 250])
def test_every_part_is_played_by_as_many_as_are_asked_for(members: int) -> None:
    people = cast(members, seed=1, tag="abc")
    assert len(people) == members
    assert {person.part.name for person in people} == {part.name for part in PARTS}


def test_shares_are_percent_and_half_are_on_each_platform() -> None:
    assert EVERY_HUNDRED == 100
    platforms = [person.platform for person in cast(100, seed=1, tag="abc")]
    assert platforms.count("wechat") == platforms.count("alipay") == 50


def test_too_few_members_are_refused() -> None:
    with pytest.raises(ValueError, match="at least"):
        cast(FEWEST_MEMBERS - 1, seed=1, tag="abc")


def test_a_seed_repeats_the_evening_and_a_tag_makes_other_people() -> None:
    first, again = cast(60, seed=3, tag="abc"), cast(60, seed=3, tag="abc")
    assert [str(person) for person in first] == [str(person) for person in again]
    assert [one.part for one in first] == [one.part for one in again]
    other = cast(60, seed=3, tag="abd")
    ids = {one.open_ids["wechat"] for one in first} | {one.open_ids["wechat"] for one in other}
    assert len(ids) == 120


def test_people_look_real_to_the_platforms() -> None:
    people = cast(100, seed=1, tag="t8k2a1")
    for person in people:
        assert re.fullmatch(r"o[0-9A-Za-z_-]{27}", person.open_ids["wechat"])
        assert re.fullmatch(r"0[0-9A-Za-z_-]{46}", person.open_ids["alipay"])
        assert re.fullmatch(r"1[3-9][0-9]{9}", person.phone)
    assert len({person.phone for person in people}) == 100


def test_every_part_has_something_to_do_beside_arriving() -> None:
    played = (
        acts.DAWDLING,
        acts.LAST_MOMENT,
        acts.BUYING,
        acts.LAPSING,
        acts.LAST_BUYING,
        acts.LATE,
    )
    busy = {name for act in played for name in act.scenes}
    assert busy == {part.name for part in PARTS}
