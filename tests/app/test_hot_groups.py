"""A hot group is answered before Flask just as Flask answers it, and only then."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from redis import Redis
from werkzeug.test import TestResponse

from app import hot_groups
from app.sample_campaigns import CampaignSample, make_group_buy
from group_buy import progress
from kit.db import Begin
from kit.money import Fen
from shop.campaigns.jobs import turn_due_campaigns
from tests.miniprogram_api.world import Person, World

VARYING = {"X-Request-Id"}


@pytest.fixture
def world(begin: Begin, redis: "Redis", now: datetime) -> World:
    """Return a world in which nothing stays."""
    return World(begin, redis, now)


@pytest.fixture
def owner(world: World) -> Person:
    """Return a member."""
    return world.member()


@pytest.fixture
def path(world: World, owner: Person) -> str:
    """Return where a group is read that nobody has read yet."""
    sample = CampaignSample(
        stock=6,
        limit=5,
        price_fen=Fen(900),
        seats=3,
        opens_in=timedelta(0),
        lasts=timedelta(hours=1),
        group_lasts=timedelta(hours=1),
        pay_within_seconds=900,
    )
    campaign = make_group_buy(world.begin, world.vault, sample, fee_basis_points=60, now=world.now)
    turn_due_campaigns(world.begin, now=world.now)
    answer = owner.post(f"/v1/campaigns/{campaign.id}/groups", {}, key=uuid4().hex)
    assert answer.status_code == 201, answer.get_json()
    return f"/v1/groups/{answer.get_json()['group']['id']}"


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list to which each answer from before Flask is added."""
    seen: list[str] = []
    answer = hot_groups._answer

    def note(app: object, kept: str, environ: object, start: object) -> object:
        seen.append(kept)
        return answer(app, kept, environ, start)  # type: ignore[arg-type] # handed on as they came

    monkeypatch.setattr(hot_groups, "_answer", note)
    monkeypatch.setattr(progress, "OWN_FOR_SECONDS", 60.0)
    return seen


def test_the_second_read_is_the_first_without_flask(
    owner: Person, path: str, answered: list[str]
) -> None:
    first, second = owner.get(path), owner.get(path)
    assert len(answered) == 1
    assert (first.status_code, first.data) == (second.status_code, second.data)
    assert _headers(first) == _headers(second)
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]


def test_who_has_it_gets_304(owner: Person, path: str, answered: list[str]) -> None:
    etag = owner.get(path).headers["ETag"]
    again = owner.get(path, headers={"If-None-Match": f'"other", W/{etag}'})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    assert owner.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    assert len(answered) == 2


def test_a_change_is_seen_at_once(
    world: World, owner: Person, path: str, answered: list[str]
) -> None:
    owner.get(path)
    friend = world.member()
    assert friend.post(f"{path}/seats", {}, key=uuid4().hex).status_code == 201
    assert owner.get(path).get_json()["seats_held"] == 2
    assert answered == []


def test_server_time_is_of_now(world: World, owner: Person, path: str, answered: list[str]) -> None:
    first = owner.get(path).get_json()["server_time"]
    world.now += timedelta(seconds=5)
    later = owner.get(path).get_json()["server_time"]
    assert datetime.fromisoformat(later) - datetime.fromisoformat(first) == timedelta(seconds=5)
    assert len(answered) == 1


@pytest.mark.parametrize("more", ["?a=1", "/seats/mine", "/"])
def test_other_paths_go_the_whole_way(
    owner: Person, path: str, answered: list[str], more: str
) -> None:
    owner.get(path)
    owner.get(path + more)
    assert answered == []


def test_other_methods_and_spellings_go_the_whole_way(
    owner: Person, path: str, answered: list[str]
) -> None:
    owner.get(path)
    assert owner.send("HEAD", path).status_code == 200
    assert owner.send("DELETE", path).status_code == 405
    prefix, _, text = path.rpartition("/")
    for spelt in (text.upper(), f"{UUID(text).hex[:-4]}----{text[-4:]}", "z" * 36):
        owner.get(f"{prefix}/{spelt}")
    assert owner.get(path, json={"a": 1}).status_code < 500
    assert answered == []


def test_over_https_it_says_so(owner: Person, path: str, answered: list[str]) -> None:
    told = [owner.get(path, base_url="https://shop.test").headers for _ in range(2)]
    assert told[0]["Strict-Transport-Security"] == told[1]["Strict-Transport-Security"]
    assert len(answered) == 1


def _headers(answer: TestResponse) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in VARYING}
