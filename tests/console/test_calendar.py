"""The calendar of campaigns: what is on it, in which hours, and what clashes."""

from datetime import timedelta
from uuid import UUID

import pytest

from kit.clock import SHANGHAI
from kit.ids import new_id
from shop.campaigns import clashes
from shop.campaigns.models import Campaign, CampaignKind, CampaignStatus
from shop.outreach.models import PushEdge
from tests.console.office import Clerk, Office
from tests.console.push_desk import PushDesk
from tests.console.test_campaigns import cheap_sku, publish


@pytest.fixture
def clerk(office: Office) -> Clerk:
    """Return who plans."""
    return office.clerk("planner")


def local(office: Office, **later: float) -> str:
    """Return a moment as a field takes it."""
    at = office.world.now.astimezone(SHANGHAI) + timedelta(**later)
    return at.strftime("%Y-%m-%dT%H:%M")


def row(page: str, name: str) -> str:
    """Return what the calendar says of one campaign."""
    (found,) = [part for part in page.split("<li")[1:] if f">{name}</a>" in part]
    return found.partition("</li>")[0]


class TestCalendar:
    def test_a_day_and_a_week_show_what_runs_in_them(self, office: Office, clerk: Clerk) -> None:
        day = (office.world.now.astimezone(SHANGHAI) + timedelta(days=10)).date()
        publish(office, clerk, name="十点场", starts_at=f"{day}T10:00", ends_at=f"{day}T11:30")
        tomorrow = day + timedelta(days=1)
        publish(office, clerk, name="跨天场", starts_at=f"{day}T22:00", ends_at=f"{tomorrow}T02:00")
        page = clerk.page(f"/campaigns/calendar?view=day&on={day}")
        assert "10:00–11:30" in row(page, "十点场")
        assert "at-10 for-2" in row(page, "十点场")
        assert "at-22 for-2" in row(page, "跨天场")
        after = clerk.page(f"/campaigns/calendar?view=day&on={tomorrow}")
        assert "at-0 for-2" in row(after, "跨天场")
        assert "十点场" not in after
        assert "十点场" in clerk.page(f"/campaigns/calendar?on={day}")
        assert "十点场" not in clerk.page(f"/campaigns/calendar?on={day}&kind=group_buy")

    @pytest.mark.parametrize(
        "query", ["on=nonsense", "on=0001-01-01", "on=9999-12-31", "view=year&on=", "kind=raffle"]
    )
    def test_an_address_that_makes_no_sense_is_today(self, clerk: Clerk, query: str) -> None:
        assert "活动日历" in clerk.page(f"/campaigns/calendar?{query}")
        assert clerk.page("/campaigns/calendar?on=2100-12-31") != ""

    def test_one_sku_sold_twice_is_marked(self, office: Office, clerk: Clerk) -> None:
        sku = cheap_sku(office)
        times = {"starts_at": local(office, hours=1), "ends_at": local(office, hours=3)}
        publish(office, clerk, name="甲场", sku_id=sku, allotment="3", **times)
        publish(office, clerk, name="乙场", sku_id=sku, allotment="3", **times)
        publish(office, clerk, name="丙场", **times)
        page = clerk.page("/campaigns/calendar?view=day&on=" + local(office, hours=1)[:10])
        assert "同一商品" in row(page, "甲场")
        assert "乙场" in row(page, "甲场")
        assert "同一商品" not in row(page, "丙场")

    def test_pushes_into_the_same_groups_are_marked(self, office: Office, clerk: Clerk) -> None:
        desk = PushDesk(office)
        desk.template()
        for name, minutes in (("甲场", 20), ("乙场", 45), ("丙场", 90)):
            desk.campaign(clerk, PushEdge.OPEN, name=name, starts_at=local(office, minutes=minutes))
        page = clerk.page("/campaigns/calendar?view=day&on=" + local(office, minutes=20)[:10])
        assert "同样的群" in row(page, "甲场")
        assert "乙场" in row(page, "甲场")
        assert "同样的群" not in row(page, "丙场")


class TestClashes:
    def sale(self, office: Office, *, minutes: int, **given: object) -> Campaign:
        """Return a flash sale that begins so many minutes from now and lasts an hour."""
        starts_at = office.world.now + timedelta(minutes=minutes)
        settled = {
            "id": new_id(),
            "kind": CampaignKind.FLASH_SALE,
            "status": CampaignStatus.SCHEDULED,
            "starts_at": starts_at,
            "ends_at": starts_at + timedelta(hours=1),
        }
        return Campaign(**settled | given)

    def test_four_sales_that_begin_within_an_hour_are_a_crowd(self, office: Office) -> None:
        sales = [self.sale(office, minutes=n) for n in (0, 20, 40, 59)]
        apart = [self.sale(office, minutes=n) for n in (60, 200)]
        assert clashes.crowds(sales[:3] + apart) == {}  # the fourth is an hour later
        found = clashes.crowds([*apart, *sales])
        assert set(found) == {one.id for one in sales} | {apart[0].id}
        assert sales[0].id not in found[apart[0].id]

    def test_what_touches_or_is_over_does_not_clash(self, office: Office) -> None:
        sku = new_id()
        first, second = self.sale(office, minutes=0), self.sale(office, minutes=60)
        over = self.sale(office, minutes=0, status=CampaignStatus.ENDED)
        draft = self.sale(office, minutes=30, status=CampaignStatus.DRAFT)
        skus: dict[UUID, set[UUID]] = {one.id: {sku} for one in (first, second, over, draft)}
        assert clashes.same_skus([first, second, over], skus) == {}
        found = clashes.same_skus([draft, second, first, over], skus)
        assert found == {
            draft.id: {first.id, second.id},
            first.id: {draft.id},
            second.id: {draft.id},
        }
        assert clashes.same_skus([first, draft], {first.id: {sku}, draft.id: {new_id()}}) == {}
