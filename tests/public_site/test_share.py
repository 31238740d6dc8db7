"""The page behind an invite: what it shows, to whom, and what it counts."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from app.sample_campaigns import CampaignSample, make_flash_sale
from kit.money import Fen
from public_site import board
from shop.campaigns.models import Campaign, CampaignStatus
from shop.catalog.models import Product
from shop.members.models import Member
from shop.referral.models import Invite
from tests.miniprogram_api.world import Person, World

HTML = {"Accept": "text/html"}
EVIL = "<script>alert(1)</script>\"'&"


def shared(world: World, person: Person) -> tuple[str, UUID]:
    """Return the path of a page about a flash sale at 9 yuan, and the campaign."""
    sample = CampaignSample(
        stock=3,
        limit=1,
        price_fen=Fen(900),
        opens_in=timedelta(minutes=-1),
        lasts=timedelta(hours=1),
        pay_within_seconds=900,
    )
    sale = make_flash_sale(world.begin, world.vault, sample, fee_basis_points=60, now=world.now)
    answer = person.post("/v1/invites", {"campaign_id": str(sale.id)})
    return answer.get_json()["invite"]["share_path"], sale.id


def views(world: World) -> list[int]:
    """Return how often each invite's page was looked at."""
    with world.begin() as session:
        return list(session.scalars(select(Invite.views)))


def alter(world: World, table: Any, **values: Any) -> None:
    """Change every row of a table."""
    with world.begin() as session:
        session.execute(update(table).values(**values))


class TestShare:
    """GET /s/<code>."""

    def test_shows_what_is_sold_and_the_name_alone(self, world: World) -> None:
        """For people, and for whoever makes a preview of the link."""
        person = world.member("canary-open-id")
        person.send("PATCH", "/v1/me", json={"nickname": "小明"})
        path, _ = shared(world, person)
        alter(world, Product, pictures=["https://img.example/1.png"])
        page = world.visitor().get(path).get_data(as_text=True)
        assert "<bdi>小明</bdi>邀请您一起买卡" in page
        assert "¥9.00" in page
        assert 'property="og:image" content="https://img.example/1.png"' in page
        assert path.removeprefix("/s/") in page
        assert person.id not in page
        assert "canary-open-id" not in page

    def test_somebody_without_a_name_is_a_friend(self, world: World) -> None:
        """And an invite to everything names no price."""
        code = world.member().post("/v1/invites", {}).get_json()["invite"]["code"]
        page = world.visitor().get(f"/s/{code}").get_data(as_text=True)
        assert "<bdi>一位朋友</bdi>邀请您" in page
        assert "¥" not in page

    def test_i136_whatever_is_in_the_texts_is_text(self, world: World) -> None:
        """Names, titles and pictures run nothing, in elements and in attributes."""
        path, _ = shared(world, world.member())
        alter(world, Member, nickname=EVIL)
        alter(world, Campaign, name=EVIL)
        alter(world, Product, title=EVIL, pictures=[f"https://x/{EVIL}"])
        answer = world.visitor().get(path)
        page = answer.get_data(as_text=True)
        assert "<script" not in page
        assert page.count("&lt;script&gt;") >= 5
        assert all(value.count('"') == 2 for value in re.findall(r'content=("[^>]*)>', page))
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]

    def test_an_unknown_code_leads_to_the_page_for_that(self, world: World) -> None:
        """404, never kept."""
        for code in ("0000000000", "x", "a" * 500):
            answer = world.visitor().get(f"/s/{code}", headers=HTML)
            assert answer.status_code == 404
            assert "页面不存在" in answer.get_data(as_text=True)
            assert answer.headers["Cache-Control"] == "no-store"

    def test_a_campaign_that_was_called_off_is_not_shown(self, world: World) -> None:
        """The code goes on working."""
        path, _ = shared(world, world.member())
        alter(world, Campaign, name="秘密", status=CampaignStatus.CANCELLED, due_at=None)
        answer = world.visitor().get(path)
        assert answer.status_code == 200
        assert "秘密" not in answer.get_data(as_text=True)

    def test_counts_looks_and_not_those_who_have_the_page(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nor who asks for the head alone."""
        monkeypatch.setattr(board, "KEPT_FOR_SECONDS", 0.0)
        path, _ = shared(world, world.member())
        first = world.visitor().get(path)
        again = world.visitor().get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.get_data()) == (304, b"")
        world.visitor().send("HEAD", path)
        assert views(world) == [1]
        world.visitor().get(path)
        assert views(world) == [2]
        alter(world, Campaign, name="另一个名字")
        changed = world.visitor().get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert changed.status_code == 200
