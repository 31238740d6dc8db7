"""After the rush: winners pay or do not, and what they let go is offered to those who wait."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from demo.chronicle import Purchase
from demo.evening import Evening
from demo.flash_sale.crowd import Claimant, Patience, Purse
from demo.flash_sale.entry import Entrance
from demo.flash_sale.rush import HOPED, Rush
from demo.mini_program import new_key
from demo.sale_record import SaleRecord

CANCELS_AFTER_SECONDS: Final = 1.5
STILL_ON_SALE: Final = "flash_sale.still_on_sale"
AGAIN_SECONDS: Final = 0.5
MOST_ROUNDS: Final = 20
POLL_SECONDS: Final = 3.0
FAR_BEHIND: Final = 30  # so many come first that it will not be in the next seconds
FAR_POLL_SECONDS: Final = 5.0

Done = TypeVar("Done")


class Afterwards:
    """What members do with their orders, and with their places on the waitlist."""

    def __init__(
        self,
        evening: Evening,
        entrance: Entrance,
        rush: Rush,
        sale: SaleRecord,
        *,
        pool: Executor,
        serious_from: datetime,
    ) -> None:
        """Nothing has happened; from `serious_from` on nobody trifles any more."""
        self._evening = evening
        self._entrance = entrance
        self._rush = rush
        self._sale = sale
        self._pool = pool
        self._serious_from = serious_from
        self.is_over = False  # nothing comes back any more: who still waits may go home

    async def use(self, claimant: Claimant, purchase: Purchase) -> None:
        """Do with an order what this member does with orders."""
        person, purse = claimant.person, self._purse_of(claimant)
        purchase.hoped = frozenset({HOPED[purse]})
        if purse is Purse.PAYS:
            await self._do(lambda: self._evening.pay(person, purchase))
        elif purse is Purse.DAWDLES:
            await self._do(lambda: self._evening.go_to_cashier(person, purchase))
        elif purse is Purse.CANCELS:
            await asyncio.sleep(CANCELS_AFTER_SECONDS)
            answer = await self._do(lambda: person.program.cancel(purchase.order_id))
            if datetime.now(UTC) < datetime.fromisoformat(purchase.pay_by):
                self._evening.chronicle.probe("cancelled", "200", answer.status)

    async def look_in_again(self, claimant: Claimant) -> None:
        """Come back late and find a unit that nobody waits for."""
        tried = await self._rush.claim(claimant, key=new_key(), quantity=1)
        if tried.is_granted:
            self._sale.counts["bought later"] += 1
            await self.use(claimant, claimant.orders[tried.order_id])

    async def wait(self, claimant: Claimant) -> None:
        """Wait for a unit that comes back, until all is over."""
        if not await self._join(claimant):
            return
        self._sale.counts["joined"] += 1
        path = f"/v1/campaigns/{self._sale.campaign_id}/waitlist"
        claimant.wait = "waiting"
        while not self.is_over:
            answer = await self._entrance.ask(claimant, "GET", path)
            claimant.wait = str(answer.body.get("status"))
            if claimant.wait == "offered":
                self._sale.counts["offers seen"] += 1
                await self._decide(claimant, answer.body, path)
            if claimant.wait not in ("waiting", "offered"):
                return
            is_far = (answer.body.get("ahead") or 0) > FAR_BEHIND
            await asyncio.sleep(FAR_POLL_SECONDS if is_far else POLL_SECONDS)

    async def _join(self, claimant: Claimant) -> bool:
        """Join the waitlist; while there still is something, claim that instead."""
        path = f"/v1/campaigns/{self._sale.campaign_id}/waitlist"
        for _ in range(MOST_ROUNDS):
            joined = await self._entrance.ask(claimant, "POST", path)
            if joined.is_ok:
                return True
            if joined.code != STILL_ON_SALE:
                break
            tried = await self._rush.claim(claimant, key=new_key(), quantity=1)
            if tried.is_granted:
                await self.use(claimant, claimant.orders[tried.order_id])
                return False
            await asyncio.sleep(AGAIN_SECONDS)
        self._evening.chronicle.probe("losers may wait", "201", joined.code or joined.status)
        return False

    async def _decide(self, claimant: Claimant, offer: Mapping[str, Any], path: str) -> None:
        patience = Patience.TAKES if self._is_serious else claimant.patience
        if patience is Patience.LETS_GO:
            return
        if patience is Patience.LEAVES:
            left = await self._entrance.ask(claimant, "DELETE", path)
            self._evening.chronicle.probe("offers may be given up", "204", left.status)
            self._sale.counts["offers given up"] += 1
            return
        tried = await self._rush.claim(
            claimant, key=new_key(), quantity=1, offer_id=str(offer["offer_id"])
        )
        if tried.heard_at < datetime.fromisoformat(offer["offered_until"]):
            self._evening.chronicle.probe(
                "who is offered a unit gets it", "201", tried.code or tried.status
            )
        if tried.is_granted:
            self._sale.counts["offers taken"] += 1
            claimant.wait = "taken"
            await self.use(claimant, claimant.orders[tried.order_id])

    @property
    def _is_serious(self) -> bool:
        return datetime.now(UTC) >= self._serious_from

    def _purse_of(self, claimant: Claimant) -> Purse:
        return Purse.PAYS if self._is_serious else claimant.purse

    async def _do(self, act: Callable[[], Done]) -> Done:
        return await asyncio.get_running_loop().run_in_executor(self._pool, act)
