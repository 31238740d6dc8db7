"""The act: a crowd comes in, rushes, loses Redis under its feet, pays, waits, and buys the rest."""

import asyncio
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from demo.cast import Person
from demo.evening import Evening
from demo.flash_sale import crowd, plan
from demo.flash_sale.afterwards import Afterwards
from demo.flash_sale.crowd import Claimant, Click, Patience
from demo.flash_sale.entry import Entrance
from demo.flash_sale.plan import Pace
from demo.flash_sale.redis_loss import lose_redis
from demo.flash_sale.rush import Rush, sleep_until
from demo.flash_sale.wire import CrowdWire
from demo.sale_record import Loss, SaleRecord

CASHIERS_AT_ONCE: Final = 16  # they mostly wait for an answer
AT_THE_DOOR: Final = 12  # at once: before the opening nobody is in a hurry
IN_A_RUSH: Final = 96
LOOK_SECONDS: Final = 0.5
FINISH_SECONDS: Final = 30.0
FRESH_LOOK_SECONDS: Final = 10.0
COME_BACK: Final = 5  # members at a time, when units are left that nobody waits for
LOOKED_AT: Final = 200  # of those who were refused
REVEALS: Final = 12


def play(evening: Evening, folder: Path, seed: int, people: Sequence[Person]) -> None:
    """Play the sale from the first sign-in until everything is sold and paid for."""
    claimants = crowd.assemble(list(people), seed=seed)
    # Who comes too early must have been let in before.
    claimants.sort(key=lambda one: one.click is not Click.EARLY)
    asyncio.run(_play(evening, claimants, folder))


async def _play(evening: Evening, claimants: list[Claimant], folder: Path) -> None:
    door, wire = CrowdWire(AT_THE_DOOR), CrowdWire(IN_A_RUSH)
    entrance = Entrance(evening, door)
    try:
        since = time.monotonic()
        await asyncio.gather(*(entrance.sign_in(one) for one in claimants))
        pace = Pace.after(timedelta(seconds=time.monotonic() - since))
        evening.chronicle.tell(f"{len(claimants)} members have come for the flash sale")
        sale = await asyncio.to_thread(
            plan.plan, folder, stock=crowd.units_for(len(claimants)), pace=pace
        )
        evening.sale = sale
        with ThreadPoolExecutor(CASHIERS_AT_ONCE, thread_name_prefix="claimant") as pool:
            act = _Act(evening, sale, entrance, wire, pool, pace)
            with plan.watched(sale):
                await act.open_the_door(claimants)
                await act.sell(claimants)
                await act.take_stock()
            await act.look_back(claimants)
    finally:
        await door.close()
        await wire.close()


class _Act:
    """The sale once it is published."""

    def __init__(
        self,
        evening: Evening,
        sale: SaleRecord,
        entrance: Entrance,
        wire: CrowdWire,
        pool: ThreadPoolExecutor,
        pace: Pace,
    ) -> None:
        self._chronicle = evening.chronicle
        self._evening = evening
        self._sale = sale
        self._entrance = entrance
        self._rush = rush = Rush(evening, wire, sale)
        self._pool = pool
        self._serious_from = sale.starts_at + pace.serious_after
        self._ends_at = sale.starts_at + pace.lasts
        # Those who have been let in do not wait behind those who are still at the door.
        inside = Entrance(evening, wire)
        self._after = Afterwards(
            evening, inside, rush, sale, pool=pool, serious_from=self._serious_from
        )

    async def open_the_door(self, claimants: Sequence[Claimant]) -> None:
        """Wait for the warm-up; who asks to be let in before is told to wait, too."""
        seen = (await self._entrance.look(self._sale.campaign_id)).body
        warms_at = datetime.fromisoformat(seen["warms_at"])
        if warms_at - datetime.now(UTC) > timedelta(seconds=1):
            early = await self._entrance.knock(claimants[0], self._sale.campaign_id)
            self._chronicle.probe("nobody is let in before the warm-up", "not_started", early.code)
        left = (self._sale.starts_at - datetime.now(UTC)).total_seconds()
        self._chronicle.tell(
            f"{self._sale.stock} units are announced; the sale opens in {left:.0f} s"
        )
        await sleep_until(warms_at + timedelta(milliseconds=300))

    async def sell(self, claimants: Sequence[Claimant]) -> None:
        """Let everybody do what they came for, until all is paid or the sale is over."""
        loss = asyncio.create_task(self._lose_redis())
        stories = [asyncio.create_task(self._story(one)) for one in claimants]
        idle = [one for one in claimants if one.patience is Patience.NONE]
        while datetime.now(UTC) < self._ends_at:
            await asyncio.sleep(LOOK_SECONDS)
            if plan.is_all_paid(self._sale) and loss.done():
                break
            if datetime.now(UTC) > self._serious_from and not plan.is_all_claimed(self._sale):
                late = [one for one in idle if not one.orders][:COME_BACK]
                idle = [one for one in idle if one not in late]
                stories += [asyncio.create_task(self._after.look_in_again(one)) for one in late]
        self._after.is_over = True
        await self._end([loss, *stories])
        self._sale.still_waiting = sum(one.wait == "waiting" for one in claimants)

    async def _end(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Let everybody finish what they have begun; those who still wait go home."""
        _, hanging = await asyncio.wait(tasks, timeout=FINISH_SECONDS)
        for task in hanging:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        broken = [end for end in ends if isinstance(end, Exception)]
        for end in broken:
            self._chronicle.tell(f"a claimant cannot go on: {type(end).__name__}: {end}")
        words = f"{len(broken)} broken, {len(hanging)} hang"
        self._chronicle.probe("claimants come to their end", "0 broken, 0 hang", words)

    async def take_stock(self) -> None:
        """Wait for a look of the operator that is younger than everything."""
        sale = self._sale
        seen, until = len(sale.looks) + 1, time.monotonic() + FRESH_LOOK_SECONDS
        while len(sale.looks) <= seen and time.monotonic() < until:
            await asyncio.sleep(LOOK_SECONDS)
        sale.last_look = sale.looks[-1] if sale.looks else {}
        seconds = sale.seconds_until_sold_out()
        when = "" if seconds is None else f"; they were gone {seconds:.1f} s after the opening"
        sold = sale.last_look.get("sold")
        self._chronicle.tell(f"{sold} of {sale.stock} units of the flash sale are sold{when}")

    async def look_back(self, claimants: Sequence[Claimant]) -> None:
        """See whether those who were refused have no order; some look at their codes."""
        refused = [one for one in claimants if not one.orders][:LOOKED_AT]
        answers = await asyncio.gather(
            *(self._entrance.ask(one, "GET", "/v1/orders?limit=5") for one in refused)
        )
        self._sale.orders_of_refused = {
            one.person.number: len(answer.body["items"])
            for one, answer in zip(refused, answers, strict=True)
        }
        owners = [
            (one.person, order)
            for one in claimants
            for order in one.orders.values()
            if order.hoped == {"fulfilled"} and order.paid
        ]
        loop = asyncio.get_running_loop()
        for person, order in owners[:REVEALS]:
            await loop.run_in_executor(self._pool, self._evening.reveal, person, order)

    async def _story(self, claimant: Claimant) -> None:
        """Be let in, press, and see what comes of it."""
        if not await self._entrance.be_let_in(claimant, self._sale.campaign_id):
            return
        self._sale.members += 1
        pressed = await self._rush.press(claimant)
        won = list(claimant.orders.values())
        await asyncio.gather(
            self._rush.press_again(claimant, pressed),
            *(self._after.use(claimant, order) for order in won),
        )
        for order in list(claimant.orders.values()):
            if order not in won:
                await self._after.use(claimant, order)
        if not claimant.orders:
            words = pressed.code or pressed.status
            self._chronicle.probe("losers are told that it is sold out", "sold_out", words)
            if claimant.patience is not Patience.NONE:
                await self._after.wait(claimant)

    async def _lose_redis(self) -> None:
        await self._rush.is_halfway.wait()
        try:
            self._sale.losses = await asyncio.to_thread(lose_redis, os.environ)
        finally:
            self._rush.is_redis_back.set()
        self._chronicle.tell(_words_of(self._sale.losses, self._sale))


def _words_of(losses: Sequence[Loss], sale: SaleRecord) -> str:
    how = "crashes and comes back empty" if losses[0].how == "crash" else "is emptied"
    after = (losses[0].at - sale.starts_at).total_seconds()
    gone = max((loss.back_at - loss.at).total_seconds() for loss in losses)
    return f"Redis {how}, {after:.1f} s after the opening; it was away for {gone:.1f} s"
