"""The poster of an invite over HTTP: a week by its address, with nothing but the page's facts."""

import io
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from redis import Redis
from werkzeug.test import TestResponse

from kit.db import Begin
from miniprogram_api.limits import Limits
from public_site import board
from shop.members.models import Member
from shop.posters import drawing
from shop.posters.jobs import make_due_codes
from tests.miniprogram_api.world import Person, World
from tests.public_site.test_share import alter, shared, views

EVIL = "<img src=x onerror=alert(1)>../../\u202e\u0000\U0001f600"


@pytest.fixture
def world(begin: Begin, redis: "Redis", now: datetime, tmp_path: Path) -> World:
    """Return a world that keeps posters, and no page longer than its answer."""
    return World(begin, redis, now, folder=tmp_path / "posters")


@pytest.fixture(autouse=True)
def _pages_are_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "KEPT_FOR_SECONDS", 0.0)


@pytest.fixture
def inviter(world: World) -> Person:
    """Return somebody with a name."""
    person = world.member()
    person.send("PATCH", "/v1/me", json={"nickname": "小明"})
    return person


def scanned(answer: TestResponse) -> str:
    """Return what a phone reads."""
    assert answer.status_code == 200
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(answer.data)).convert("L"))
    text: str = found.text
    return text


def named(world: World, path: str) -> str:
    """Return the address of the poster that the page names."""
    page = world.visitor().get(path).get_data(as_text=True)
    return page.split('<img class="poster" src="', 1)[1].split('"', 1)[0]


def make_codes(world: World) -> None:
    """Have the platforms make what is wanted."""
    make_due_codes(world.begin, world.ports.code_makers, now=world.now)


class TestPoster:
    """GET /s/<code>/poster.png."""

    def test_is_drawn_once_and_kept_for_a_week_under_its_address(
        self, world: World, inviter: Person
    ) -> None:
        """By whoever looked, and nobody between; without its hash it is asked about each time."""
        path, _ = shared(world, inviter)
        address = named(world, path)
        first = world.visitor().get(address)
        assert first.content_type == "image/png"
        assert first.headers["Cache-Control"] == "private, max-age=604800, immutable"
        assert scanned(first) == f"https://shop.example{path}"
        assert len(list((world.folder).rglob("*.png"))) == 1
        plain = world.visitor().get(f"{path}/poster.png")
        assert (plain.data, plain.headers["Cache-Control"]) == (first.data, "no-cache")
        again = world.visitor().get(address, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        assert len(list((world.folder).rglob("*.png"))) == 1

    def test_the_invite_says_where_it_is(self, world: World, inviter: Person) -> None:
        """Beside the page."""
        invite = inviter.post("/v1/invites", {}).get_json()["invite"]
        assert invite["poster_path"] == f"{invite['share_path']}/poster.png"
        assert world.visitor().get(invite["poster_path"]).status_code == 200

    def test_bears_each_platforms_code_once_it_is_made(self, world: World, inviter: Person) -> None:
        """Another picture has another address; what the old one named is not given out as it."""
        path, _ = shared(world, inviter)
        code = path.removeprefix("/s/")
        before = named(world, path)
        make_codes(world)
        after = named(world, path)
        assert before != after
        assert scanned(world.visitor().get(after)) == f"wechat_code:{code}"
        stale = world.visitor().get(before)
        assert stale.headers["Cache-Control"] == "no-cache"
        alipay = world.visitor().get(f"{path}/poster.png?for=alipay")
        assert scanned(alipay) == f"alipay_code:{code}"

    def test_a_wave_of_new_ones_is_told_to_come_again(
        self, world: World, inviter: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever asks while one is drawn; the page with its QR code is there all the same."""
        path, _ = shared(world, inviter)
        draw, met = drawing.draw, list[TestResponse]()

        def drawing_one(facts: drawing.Facts) -> bytes:
            met.extend(world.visitor().get(f"{path}{rest}") for rest in ("/poster.png", ""))
            return draw(facts)

        monkeypatch.setattr(drawing, "draw", drawing_one)
        assert world.visitor().get(f"{path}/poster.png").status_code == 200
        assert [answer.status_code for answer in met] == [503, 200]
        assert met[0].headers["Retry-After"] == "2"

    def test_while_a_platform_is_out_there_is_a_qr_code(
        self, world: World, inviter: Person
    ) -> None:
        """And the page has no link that leads nowhere."""
        for maker in world.ports.code_makers.values():
            maker.is_silent = True  # type: ignore[attr-defined] # all are makers in memory
        path, _ = shared(world, inviter)
        make_codes(world)
        assert scanned(world.visitor().get(f"{path}/poster.png")) == f"https://shop.example{path}"
        assert "wxaurl" not in world.visitor().get(path).get_data(as_text=True)

    def test_a_name_that_is_gone_is_gone_from_the_poster(
        self, world: World, inviter: Person
    ) -> None:
        """Under the old address, too."""
        path, _ = shared(world, inviter)
        address = named(world, path)
        first = world.visitor().get(address)
        alter(world, Member, nickname=None)
        later = world.visitor().get(address)
        assert later.data != first.data
        assert later.headers["Cache-Control"] == "no-cache"

    @pytest.mark.parametrize("name", [EVIL, "W" * 40, "مرحبا" * 8])
    def test_hostile_names_are_drawn(self, world: World, inviter: Person, name: str) -> None:
        """On a poster of the usual size, kept under a hash alone."""
        path, _ = shared(world, inviter)
        alter(world, Member, nickname=name.replace("\x00", ""))
        answer = world.visitor().get(f"{path}/poster.png")
        assert scanned(answer) == f"https://shop.example{path}"
        assert len(answer.data) < 40 * 1024
        (kept,) = world.folder.rglob("*.png")
        assert len(kept.relative_to(world.folder).as_posix()) == 69

    @pytest.mark.parametrize(
        "path",
        [
            "/s/0000000000/poster.png",
            "/s/..%2f..%2fetc%2fpasswd/poster.png",
            "/s/../poster.png",
            "/s/x/poster.png",
        ],
    )
    def test_i142_no_other_path_leads_to_a_file(self, world: World, path: str) -> None:
        """Nor does one make a file."""
        assert world.visitor().get(path).status_code == 404
        assert not world.folder.exists()

    def test_hashes_and_platforms_are_ours_to_name(self, world: World, inviter: Person) -> None:
        """A `v` of any form finds nothing on the disk; another platform is none."""
        path, _ = shared(world, inviter)
        for version in ("../../x", "%00", "a" * 64):
            answer = world.visitor().get(f"{path}/poster.png?v={version}")
            assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")
        assert world.visitor().get(f"{path}/poster.png?for=other").status_code == 404


class TestPage:
    """GET /s/<code>: what the platforms made."""

    def test_leads_into_the_mini_program(self, world: World, inviter: Person) -> None:
        """By a link that ends in time, and is gone then."""
        path, _ = shared(world, inviter)
        world.visitor().get(path)
        make_codes(world)
        link = f'href="https://wxaurl.cn/{path.removeprefix("/s/")}-1"'
        assert link in world.visitor().get(path).get_data(as_text=True)
        world.now += timedelta(days=31)
        assert "wxaurl" not in world.visitor().get(path).get_data(as_text=True)

    def test_has_a_poster_for_previews(self, world: World, inviter: Person) -> None:
        """With its whole address and its size."""
        path, _ = shared(world, inviter)
        page = world.visitor().get(path).get_data(as_text=True)
        assert f'property="og:image" content="https://shop.example{path}/poster.png?v=' in page
        assert 'property="og:image:width" content="750"' in page
        assert f'property="og:url" content="https://shop.example{path}"' in page

    def test_loads_nothing_but_our_own_pictures(self, world: World, inviter: Person) -> None:
        """The policy says so; a picture from elsewhere is only told to previews."""
        path, _ = shared(world, inviter)
        answer = world.visitor().get(path)
        assert "img-src 'self';" in answer.headers["Content-Security-Policy"]
        assert "<script" not in answer.get_data(as_text=True)
        assert world.visitor().get("/icon.svg").content_type.startswith("image/svg+xml")

    def test_addresses_that_ask_too_often_are_refused(
        self, begin: Begin, redis: "Redis", now: datetime
    ) -> None:
        """Page and poster are counted together."""
        limits = Limits(reads_per_minute=3, address_multiple=1)
        world = World(begin, redis, now, limits=limits)
        path, _ = shared(world, world.member())
        seen = [world.visitor().get(path).status_code for _ in range(2)]
        seen += [world.visitor().get(f"{path}/poster.png").status_code for _ in range(2)]
        assert seen == [200, 200, 200, 429]
        assert views(world) == [2]
