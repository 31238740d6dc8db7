"""Who may do what to which thing: each route with an id × each role × ids that are there or not."""

from collections.abc import Iterator

import pytest

from console.door import SIGNED_IN
from shop.operators.rules import MAY, Permission, Role
from tests.console.bench import Bench
from tests.console.test_matrix import CLOSED

WITH_IDS = [route for route in CLOSED if "<" in route[1]]
# What somebody may see or change answers; a form without what it asks for is told so.
SERVED = {200, 303, 404, 409, 422}


def foreign(bench: Bench, rule: str) -> Iterator[str]:
    """Yield the rule's path with ids of other kinds of things."""
    named = rule.partition("<")[2].partition(">")[0].rpartition(":")[2]
    campaigns = {"campaign_id", "draft", "group_buy"}
    for name, known in bench.filled.ids.items():
        is_same = name == named or (named in campaigns and name in campaigns)
        if not is_same and ("uuid:" not in rule or len(known) == len("0" * 36)):
            head, _less, tail = rule.removeprefix("/console").partition("<")
            yield head + known + tail.partition(">")[2]


@pytest.mark.parametrize("role", [role.value for role in Role])
def test_h121_h122_ids_that_are_there_open_nothing_more(bench: Bench, role: str) -> None:
    clerk = bench.office.clerk(role)
    csrf = clerk.csrf()
    found = 0
    for method, rule, needs in WITH_IDS:
        path = bench.filled.path(rule)
        with bench.undone():
            before = bench.deeds()
            fields = {"csrf": csrf} if method == "POST" else None
            answer = clerk.client.open(f"/console{path}", method=method, data=fields)
            is_allowed = needs == SIGNED_IN or needs in MAY[Role(role)]
            expected = SERVED | ({403} if needs == SIGNED_IN else set()) if is_allowed else {403}
            assert answer.status_code in expected, (method, rule, role)
            assert is_allowed or bench.deeds() == before, (method, rule, role)
            found += answer.status_code in (200, 303)
    assert found > 3 or not MAY[Role(role)] & {Permission.CAMPAIGNS, Permission.STOCK}


def test_h122_an_id_of_another_kind_of_thing_leads_nowhere(bench: Bench) -> None:
    csrf, before = bench.clerk.csrf(), bench.deeds()
    for method, rule, _needs in WITH_IDS:
        for path in foreign(bench, rule):
            fields = {"csrf": csrf, "why": "x", "name": "x", "version": "0"}
            data = fields if method == "POST" else None
            answer = bench.clerk.client.open(f"/console{path}", method=method, data=data)
            assert answer.status_code in (404, 422), (method, path, answer.status_code)
    assert bench.deeds() == before
