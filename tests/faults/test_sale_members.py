"""Members who want more than is theirs: fifty requests from two devices, and hoards never paid."""

import threading
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import uuid4

import pytest
from sqlalchemy import text

from tests.faults.lights import Light
from tests.faults.sale_crowd import Buyer, Fate
from tests.faults.sale_fire import Fire, Sale, put_on
from tests.faults.test_chaos import unfinished
from tests.journeys.people import Person, eventually
from tests.races.at_once import at_once

REQUESTS: Final = 50
LIMIT: Final = 2
HOARDERS: Final = (8, 40)  # every day, in a long run
BEFORE_THE_FIRST: Final = timedelta(milliseconds=500)
_OFFERED: Final = text(
    "SELECT w.place, w.joined_at, s.at FROM waits w JOIN status_changes s ON s.row_id = w.id"
    " AND s.new = 'offered' WHERE w.campaign_id = :id ORDER BY s.seq"
)


def ways(person: Person, campaign_id: str) -> list[tuple[str, str]]:
    """Return a member's ways to claim from one device: an address, and the token it takes."""
    given = person.ask("POST", f"/campaigns/{campaign_id}/purchase-tokens", {}).json()
    by_web = f"{person.shop.url}/v1/campaigns/{campaign_id}/claims"
    return [(given["claims_url"], given["token"]), (by_web, person.token)]


def claim(person: Person, way: tuple[str, str]) -> str:
    """Claim one unit under a key of its own; return the code of the refusal, "" without one."""
    buyer = Buyer(person, "", Fate(arrives_after=0), threading.Event())
    answer = buyer.ask("POST", way[0], {"quantity": 1}, token=way[1], key=uuid4().hex)
    assert answer is not None
    assert not buyer.odd, buyer.odd
    return "" if answer.status_code == 201 else str(answer.json()["code"])


@pytest.mark.slow
class TestTheLimit:
    """One member is one member, on whatever device and by whichever door."""

    def test_c53_c54_fifty_requests_from_two_devices_get_two_units(self, light: Light) -> None:
        burning = light.burning
        campaign_id = put_on(burning.shop, Sale(stock=40), limit=LIMIT)
        person = burning.crowd(1)[0]
        open_ways = ways(person, campaign_id)
        person.sign_in()  # on another device
        open_ways += ways(person, campaign_id)
        acts = [partial(claim, person, open_ways[n % len(open_ways)]) for n in range(REQUESTS)]
        said: Counter[Any] = Counter(at_once(*acts))
        assert said == {"": LIMIT, "limit_reached": REQUESTS - LIMIT}
        query = text("SELECT count(*) FROM claims WHERE campaign_id = :id AND status = 'held'")
        engine = burning.engine()
        with engine.connect() as connection:
            assert connection.scalar(query, {"id": campaign_id}) == LIMIT
        engine.dispose()
        eventually(lambda: unfinished(burning.shop) == 0, within_seconds=30, what="they lapse")


@pytest.mark.slow
class TestHoarders:
    """Those who reserve and never pay."""

    def test_c57_all_is_sold_in_the_end_to_those_who_pay(self, light: Light) -> None:
        """The whole first wave lets it lapse; who waited gets it, one after the other."""
        stock = HOARDERS[light.is_chaos]
        hoard = [Fate(arrives_after=n * 0.02, pays=False, waits=False) for n in range(stock)]
        wants = [Fate(arrives_after=1.2 + n * 0.02) for n in range(stock + 3)]
        fire = Fire(light.burning, Sale(stock=stock), [*hoard, *wants])
        fire.burn(lambda: None)
        assert fire.claims >= 2 * stock
        with fire.engine.connect() as connection:
            offered = connection.execute(_OFFERED, {"id": fire.campaign_id}).all()
        fire.engine.dispose()
        assert len(offered) >= stock  # one that nobody took in time goes to the next
        first = offered[0].at
        # Who came while offers were being made may have been committed after them.
        places = [wait.place for wait in offered if wait.joined_at < first - BEFORE_THE_FIRST]
        assert len(places) > 1
        assert places == sorted(places)
