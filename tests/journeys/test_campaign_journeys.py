"""Campaigns as members meet them: the door by the clock, pauses with a reason, reads that agree."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import requests

from kit.clock import utc_now
from shop.campaigns import queries
from shop.campaigns.service import resume_campaign
from shop.campaigns.stops import lift_stop
from tests.journeys.auditor import begin_of
from tests.journeys.groups import (
    PRICE_FEN,
    await_group,
    join,
    new_deal,
    open_group,
    paid_group,
    people_of,
    refusal,
    see_group,
    try_join,
    try_open,
)
from tests.journeys.people import Person, eventually
from tests.running_shop import RunningShop


def test_i28_the_door_opens_and_closes_by_the_clock(shop: RunningShop) -> None:
    person = Person(shop, "wechat")
    deal = new_deal(shop, warms_in=1, opens_in=2.5, lasts=3, seats=2, group_lasts=9)
    before = deal.see().json()
    assert (before["status"], before["phase"]) == ("scheduled", "upcoming")
    assert before["can_buy"] == {"ok": False, "reason": "not_started"}
    assert 1000 <= before["poll_after_ms"] <= 2500
    refused = try_open(person, deal)
    assert refusal(refused) == (409, "not_started")
    assert refused.json()["details"]["starts_at"].startswith(before["starts_at"][:19])
    assert deal.await_status("warming")["phase"] == "warming"
    assert deal.await_status("live")["can_buy"] == {"ok": True, "reason": None}
    group = open_group(person, deal)["group"]
    over = deal.await_status("ended", "settled")
    assert (over["phase"], over["poll_after_ms"]) == ("over", None)
    assert refusal(try_open(person, deal)) == (409, "ended")
    # A group that was opened in the window may outlive it.
    friend = Person(shop, "alipay")
    friend.pay(join(friend, group)["order"])
    person.pay(person.get("/orders")["items"][0])
    await_group(shop, group, status="formed")
    deal.await_status("settled")
    for (_, due, passed), wanted in zip(deal.edges(), ("warms_at", "starts_at"), strict=False):
        assert due == datetime.fromisoformat(before[wanted])
        assert timedelta(0) <= passed - due < timedelta(seconds=2)


def test_a_paused_campaign_refuses_with_the_reason_and_goes_on_later(shop: RunningShop) -> None:
    first, second = people_of(shop, 2)
    deal = new_deal(shop, seats=2)
    group, _ = paid_group(deal, first)
    done = shop.flask("campaigns", "pause", deal.id, "--why", "供应商核查中")
    assert done.returncode == 0, done.stdout
    seen = deal.see().json()
    assert (seen["phase"], seen["pause_reason"]) == ("paused", "供应商核查中")
    assert seen["can_buy"] == {"ok": False, "reason": "paused"}
    for answer in (try_open(second, deal), try_join(second, group)):
        assert refusal(answer) == (409, "paused")
        assert answer.json()["details"]["reason"] == "供应商核查中"
    with begin_of(shop) as begin, begin() as session:
        campaign = queries.lock_campaign(session, UUID(deal.id))
        resume_campaign(session, campaign, actor="test", now=utc_now())
    second.pay(join(second, group)["order"])
    await_group(shop, group, status="formed")


def test_the_emergency_stop_pauses_whatever_is_open_or_opens(shop: RunningShop) -> None:
    person = Person(shop, "wechat")
    deal = new_deal(shop)
    assert shop.flask("campaigns", "stop-all", "--why", "系统维护").returncode == 0
    try:
        later = new_deal(shop)
        for each in (deal, later):
            assert each.await_status("paused")["pause_reason"] == "系统维护"
            assert refusal(try_open(person, each)) == (409, "paused")
    finally:
        with begin_of(shop) as begin, begin() as session:
            lift_stop(session, actor="test", now=utc_now())
    for each in (deal, later):
        each.await_status("live")
    assert try_open(person, later).status_code == 201


@pytest.mark.parametrize("what", ["campaign", "group"])
def test_reads_carry_the_time_a_version_and_when_to_ask_again(shop: RunningShop, what: str) -> None:
    person = Person(shop, "wechat")
    deal = new_deal(shop, seats=2)
    group = open_group(person, deal)["group"]

    def look(**headers: str) -> requests.Response:
        return deal.see(**headers) if what == "campaign" else see_group(shop, group, **headers)

    first = look()
    told = datetime.fromisoformat(first.json()["server_time"])
    assert abs(told - datetime.now(UTC)) < timedelta(seconds=5)
    assert first.json()["poll_after_ms"] == {"campaign": 3000, "group": 2000}[what]
    same = look(**{"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    other = Person(shop, "alipay")
    order = join(other, group)["order"]
    changed = look(**{"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]
    for one, its_order in ((person, person.get("/orders")["items"][0]), (other, order)):
        one.pay(its_order)
    over = await_group(shop, group, status="formed")
    assert over["poll_after_ms"] is None
    assert over["server_time"] > first.json()["server_time"]


def test_campaigns_are_listed_with_what_is_left(shop: RunningShop) -> None:
    person = Person(shop, "wechat")
    deal = new_deal(shop, stock=7)
    open_group(person, deal)

    def listed() -> dict[str, object] | None:
        page = shop.request("GET", "/v1/campaigns?kind=group_buy&status=live&limit=50").json()
        return next((item for item in page["items"] if item["id"] == deal.id), None)

    seen = eventually(listed)
    assert seen is not None
    assert (seen["stock_left"], seen["price_fen"], seen["phase"]) == (6, PRICE_FEN, "live")
    unknown = shop.request("GET", "/v1/campaigns/00000000-0000-7000-8000-000000000000")
    assert refusal(unknown) == (404, "campaigns.not_found")
    assert shop.request("GET", "/v1/campaigns?status=no_such").status_code == 422
