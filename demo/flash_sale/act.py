"""The act: a crowd comes in, rushes, loses Redis under its feet, pays, waits, and buys the rest."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from demo.cast import Person
from demo.evening import Evening
from demo.flash_sale import crowd, plan
from demo.flash_sale.afterwards import Afterwards
from demo.flash_sale.crowd import Claimant, Patience
from demo.flash_sale.entry import Entrance
from demo.flash_sale.redis_loss import lose_redis
from demo.flash_sale.rush import Rush, sleep_until
from demo.flash_sale.wire import CrowdWire
from demo.sale_record import Loss, SaleRecord

CASHIERS_AT_ONCE: Final = 6
AT_THE_DOOR: Final = 12  # at once: before the opening nobody is in a hurry
IN_A_RUSH: Final = 96
# A token takes a little less than signing in did, which says how fast this machine is tonight.
TOKEN_SHARE: Final = 0.8
SHORTEST_WARM_UP: Final = timedelta(seconds=6)
LONGEST_WARM_UP: Final = timedelta(seconds=45)
SERIOUS_AFTER: Final = plan.PAY_WITHIN + plan.OFFERED_FOR + timedelta(seconds=4)
LOOK_SECONDS: Final = 0.5
REVEALS: Final = 12


def play(evening: Evening, folder: Path, seed: int, people: Sequence[Person]) -> None:
    """Play the sale from the first sign-in until everything is sold and paid for."""
    claimants = crowd.assemble(list(people), seed=seed)
    asyncio.run(_Act(evening, claimants, folder).play())


class _Act:
    """The sale in an event loop of its own."""

    def __init__(self, evening: Evening, claimants: list[Claimant], folder: Path) -> None:
        self._evening = evening
        self._claimants = claimants
        self._folder = folder

    async def play(self) -> None:
        with ThreadPoolExecutor(CASHIERS_AT_ONCE, thread_name_prefix="claimant") as pool:
            door, wire = CrowdWire(AT_THE_DOOR), CrowdWire(IN_A_RUSH)
            try:
                await self._play(Entrance(self._evening, door), wire, pool)
            finally:
                await door.close()
                await wire.close()

    async def _play(self, entrance: Entrance, wire: CrowdWire, pool: ThreadPoolExecutor) -> None:
        chronicle = self._evening.chronicle
        since = time.monotonic()
        await self._each(entrance.sign_in, self._claimants)
        took = timedelta(seconds=time.monotonic() - since)
        chronicle.tell(f"{len(self._claimants)} members have come for the flash sale")
        sale = await self._publish(took)
        with plan.watched(sale):
            await self._open_the_door(entrance, sale)
            rush = Rush(self._evening, wire, sale)
            after = Afterwards(
                self._evening,
                entrance,
                rush,
                sale,
                pool=pool,
                serious_from=sale.starts_at + SERIOUS_AFTER,
            )
            await self._sell(rush, after, sale)
            await self._take_stock(sale)
        await self._look_back(entrance, sale, pool)

    async def _publish(self, took: timedelta) -> SaleRecord:
        warm_up = min(max(took * TOKEN_SHARE, SHORTEST_WARM_UP), LONGEST_WARM_UP)
        stock = crowd.units_for(len(self._claimants))
        sale = await asyncio.to_thread(plan.plan, self._folder, stock=stock, warm_up=warm_up)
        self._evening.sale = sale
        return sale

    async def _open_the_door(self, entrance: Entrance, sale: SaleRecord) -> None:
        """Let everybody in from the warm-up on; who asks before is told to wait."""
        seen = (await entrance.look(sale.campaign_id)).body
        warms_at = datetime.fromisoformat(seen["warms_at"])
        if warms_at - datetime.now(UTC) > timedelta(seconds=1):
            early = await entrance.knock(self._claimants[0], sale.campaign_id)
            self._evening.chronicle.probe(
                "nobody is let in before the warm-up", "not_started", early.code
            )
        await sleep_until(warms_at + timedelta(milliseconds=300))
        await self._each(lambda one: entrance.be_let_in(one, sale.campaign_id), self._claimants)
        sale.members = sum(bool(one.bearer) for one in self._claimants)
        left = (sale.starts_at - datetime.now(UTC)).total_seconds()
        self._evening.chronicle.tell(
            f"{sale.members} members are let in; {sale.stock} units, opening in {left:.0f} s"
        )

    async def _sell(self, rush: Rush, after: Afterwards, sale: SaleRecord) -> None:
        loss = asyncio.create_task(self._lose_redis(rush, sale))
        stories = [asyncio.create_task(self._story(rush, after, one)) for one in self._claimants]
        until = sale.starts_at + plan.LASTS
        while not (plan.is_all_paid(sale) and loss.done()) and datetime.now(UTC) < until:
            await asyncio.sleep(LOOK_SECONDS)
        told = sum(story.done() for story in stories)
        waiting = [one for one in self._claimants if one.wait == "waiting"]
        sale.still_waiting = len(waiting)
        for story in (loss, *stories):
            story.cancel()
        ends = await asyncio.gather(loss, *stories, return_exceptions=True)
        broken = [end for end in ends if isinstance(end, Exception)]
        for end in broken:
            self._evening.chronicle.tell(f"a claimant cannot go on: {type(end).__name__}: {end}")
        # Whoever still waits for a unit is all that may be left when everything is paid.
        self._evening.chronicle.probe(
            "claimants come to their end",
            "0 broken, 0 hang",
            f"{len(broken)} broken, {len(stories) - told - len(waiting)} hang",
        )

    async def _story(self, rush: Rush, after: Afterwards, claimant: Claimant) -> None:
        answer = await rush.press(claimant)
        if not claimant.orders:
            self._evening.chronicle.probe(
                "losers are told that it is sold out", "sold_out", answer.code or answer.status
            )
            if claimant.patience is not Patience.NONE:
                await after.wait(claimant)
            return
        await asyncio.gather(*(after.use(claimant, one) for one in claimant.orders.values()))

    async def _lose_redis(self, rush: Rush, sale: SaleRecord) -> None:
        await rush.is_halfway.wait()
        try:
            sale.losses = await asyncio.to_thread(lose_redis, os.environ)
        finally:
            rush.is_redis_back.set()
        self._evening.chronicle.tell(_words_of(sale.losses, sale))

    async def _take_stock(self, sale: SaleRecord) -> None:
        """Wait for a look of the operator that is younger than everything."""
        seen, until = len(sale.looks) + 1, time.monotonic() + 10
        while len(sale.looks) <= seen and time.monotonic() < until:
            await asyncio.sleep(LOOK_SECONDS)
        sale.last_look = sale.looks[-1] if sale.looks else {}
        seconds = sale.seconds_until_sold_out()
        self._evening.chronicle.tell(
            f"the flash sale: {sale.last_look.get('sold')} of {sale.stock} units sold"
            + ("" if seconds is None else f", the first time after {seconds:.1f} s")
        )

    async def _look_back(
        self, entrance: Entrance, sale: SaleRecord, pool: ThreadPoolExecutor
    ) -> None:
        """See whether those who were refused have no order; some look at their codes."""
        refused = [one for one in self._claimants if not one.orders]
        found: dict[int, int] = {}

        async def count(claimant: Claimant) -> None:
            answer = await entrance.ask(claimant, "GET", "/v1/orders?limit=5")
            found[claimant.person.number] = len(answer.body["items"])

        await self._each(count, refused)
        sale.orders_of_refused = found
        owners = [
            (one.person, order)
            for one in self._claimants
            for order in one.orders.values()
            if order.hoped == {"fulfilled"} and order.paid
        ]
        for person, order in owners[:REVEALS]:
            await asyncio.get_running_loop().run_in_executor(
                pool, self._evening.reveal, person, order
            )

    async def _each(
        self, act: Callable[[Claimant], Awaitable[object]], claimants: Sequence[Claimant]
    ) -> None:
        await asyncio.gather(*(act(one) for one in claimants))


def _words_of(losses: Sequence[Loss], sale: SaleRecord) -> str:
    how = "crashes and comes back empty" if losses[0].how == "crash" else "is emptied"
    after = (losses[0].at - sale.starts_at).total_seconds()
    gone = max((loss.back_at - loss.at).total_seconds() for loss in losses)
    return f"Redis {how}, {after:.1f} s after the opening; it was away for {gone:.1f} s"
