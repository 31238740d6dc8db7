"""A share page that goes round is answered before Flask just as Flask answers it, and only then."""

from datetime import datetime

import pytest
from redis import Redis
from werkzeug.test import TestResponse

from app import hot_pages
from kit.db import Begin
from miniprogram_api.limits import Limits
from public_site import board
from tests.miniprogram_api.world import World
from tests.public_site.test_share import views


@pytest.fixture
def world(begin: Begin, redis: "Redis", now: datetime) -> World:
    """Return a world in which nothing stays."""
    return World(begin, redis, now)


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list to which each answer from before Flask is added."""
    seen: list[str] = []
    answer = hot_pages._answer

    def note(app: object, page: board.Page, environ: object, start: object) -> object:
        seen.append(page.etag)
        return answer(app, page, environ, start)  # type: ignore[arg-type] # handed on as they came

    monkeypatch.setattr(hot_pages, "_answer", note)
    monkeypatch.setattr(board, "KEPT_FOR_SECONDS", 60.0)
    return seen


def path_in(world: World) -> str:
    """Return the page of a new invite."""
    invite = world.member().post("/v1/invites", {}).get_json()["invite"]
    path: str = invite["share_path"]
    return path


def told(answer: TestResponse) -> dict[str, str]:
    """Return the headers that do not vary."""
    return {name: value for name, value in answer.headers.items() if name != "X-Request-Id"}


def test_the_second_look_is_the_first_without_flask(world: World, answered: list[str]) -> None:
    path, visitor = path_in(world), world.visitor()
    first, second = visitor.get(path), visitor.get(path)
    assert len(answered) == 1
    assert (first.status_code, first.data) == (second.status_code, second.data)
    assert told(first) == told(second)
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]


def test_who_has_it_gets_304(world: World, answered: list[str]) -> None:
    path, visitor = path_in(world), world.visitor()
    etag = visitor.get(path).headers["ETag"]
    again = visitor.get(path, headers={"If-None-Match": f'"other", W/{etag}'})
    assert (again.status_code, again.data) == (304, b"")
    assert len(answered) == 1


def test_looks_are_written_with_the_next_page_that_is_made(
    world: World, answered: list[str]
) -> None:
    path, other = path_in(world), path_in(world)
    for _ in range(4):
        world.visitor().get(path)
    assert sorted(views(world)) == [0, 1]
    world.visitor().get(other)
    assert sorted(views(world)) == [1, 4]
    assert len(answered) == 3


@pytest.mark.parametrize("more", ["", "x", "/poster.png"])
def test_another_spelling_goes_the_whole_way(world: World, answered: list[str], more: str) -> None:
    path, visitor = path_in(world), world.visitor()
    visitor.get(path)
    visitor.get(path.lower() if not more else path + more)
    visitor.send("HEAD", path)
    assert answered == []


def test_an_address_that_asks_often_is_counted_by_redis(
    begin: Begin, redis: "Redis", now: datetime, answered: list[str]
) -> None:
    world = World(begin, redis, now, limits=Limits(reads_per_minute=2, address_multiple=1))
    path, visitor = path_in(world), world.visitor()
    seen = [visitor.get(path).status_code for _ in range(5)]
    assert seen == [200, 200, 200, 200, 429]
    assert len(answered) == 2
