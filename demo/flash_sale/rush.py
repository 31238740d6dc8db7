"""The rush: everybody presses at the opening, and again under one key until it is answered."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from demo.evening import Evening
from demo.flash_sale.crowd import LIMIT, Claimant, Click, Purse
from demo.flash_sale.wire import CrowdWire
from demo.mini_program import new_key
from demo.sale_record import Attempt, SaleRecord
from demo.wire import Answer

TOO_EARLY: Final = timedelta(seconds=1)
LOST_AT: Final = 1, 5  # of the stock: how much is heard to be sold when Redis is lost
MOST_TRIES: Final = 60
LONGEST_LOSS_SECONDS: Final = 60.0
HOPED: Final = {
    Purse.PAYS: "fulfilled",
    Purse.FORGETS: "closed",
    Purse.DAWDLES: "closed",
    Purse.CANCELS: "closed",
}


class Rush:
    """Claims, each told to the record as it was sent and answered."""

    def __init__(self, evening: Evening, wire: CrowdWire, sale: SaleRecord) -> None:
        """Nobody has pressed yet."""
        self._evening = evening
        self._wire = wire
        self._sale = sale
        self._units = 0
        self.is_halfway = asyncio.Event()  # when Redis is to be lost
        self.is_redis_back = asyncio.Event()

    async def press(self, claimant: Claimant) -> Attempt:
        """Claim in the way of this member; return the answer."""
        opens_at, key = self._sale.starts_at, new_key()
        if claimant.click is Click.EARLY and datetime.now(UTC) < opens_at:
            await sleep_until(opens_at - TOO_EARLY)
            early = await self.claim(claimant, key=key, quantity=claimant.wants)
            if early.heard_at < opens_at:  # else it was not early when its turn came
                self._evening.chronicle.probe(
                    "who is a second early waits", "not_started", early.code or early.status
                )
        await sleep_until(opens_at + timedelta(seconds=claimant.delay))
        times = 2 if claimant.click is Click.TWICE else 1
        answers = await asyncio.gather(
            *(self.claim(claimant, key=key, quantity=claimant.wants) for _ in range(times))
        )
        return answers[0]

    async def press_again(self, claimant: Claimant, pressed: Attempt) -> None:
        """Press under the same key after the loss, if it was granted before; or want more."""
        is_older_than_loss = pressed.is_granted and not self.is_redis_back.is_set()
        if is_older_than_loss or claimant.click is Click.AGAIN:
            async with asyncio.timeout(LONGEST_LOSS_SECONDS):
                await self.is_redis_back.wait()
            await self.claim(claimant, key=pressed.key, quantity=pressed.quantity)
        if claimant.click is Click.GREEDY and claimant.orders:
            await self._want_more(claimant)

    async def claim(
        self, claimant: Claimant, *, key: str, quantity: int, offer_id: str | None = None
    ) -> Attempt:
        """Send a claim, again and again under its key while there is no answer to it."""
        body: dict[str, Any] = {"quantity": quantity}
        if offer_id is not None:
            body["offer_id"] = offer_id
        headers = {"Authorization": f"Bearer {claimant.bearer}", "Idempotency-Key": key}
        for _ in range(MOST_TRIES):
            sent_at = datetime.now(UTC)
            answer = await self._wire.ask("POST", claimant.claims_url, body=body, headers=headers)
            tried = _attempt(claimant, key, quantity, sent_at, answer, is_offer=bool(offer_id))
            self._sale.attempts.append(tried)
            if not answer.is_busy:
                break
            self._evening.chronicle.hiccup(answer.code or f"HTTP {answer.status}")
            # People do not press again at the same moment.
            await asyncio.sleep(answer.wait_seconds * claimant.person.draw.uniform(0.8, 1.3))
        if tried.is_granted:
            self._remember(claimant, answer, tried)
        return tried

    def _remember(self, claimant: Claimant, answer: Answer, tried: Attempt) -> None:
        if tried.order_id in claimant.orders:
            return
        hoped = HOPED[claimant.purse]
        purchase = self._evening.remember(claimant.person, answer, (hoped,))
        claimant.orders[tried.order_id] = purchase
        self._units += tried.quantity
        part, whole = LOST_AT
        if self._units * whole >= self._sale.stock * part:
            self.is_halfway.set()

    async def _want_more(self, claimant: Claimant) -> None:
        more = await self.claim(claimant, key=new_key(), quantity=LIMIT)
        self._evening.chronicle.probe(
            "nobody gets more than the limit", ("limit_reached", "sold_out"), more.code
        )


async def sleep_until(at: datetime) -> None:
    """Sleep until a moment of the clock."""
    await asyncio.sleep(max((at - datetime.now(UTC)).total_seconds(), 0))


def _attempt(
    claimant: Claimant,
    key: str,
    quantity: int,
    sent_at: datetime,
    answer: Answer,
    *,
    is_offer: bool,
) -> Attempt:
    claimed_at = answer.body.get("claim", {}).get("claimed_at")
    return Attempt(
        member=claimant.person.number,
        key=key,
        quantity=quantity,
        sent_at=sent_at,
        heard_at=datetime.now(UTC),
        status=answer.status,
        code=answer.code,
        order_id=str(answer.body.get("order", {}).get("id", "")),
        claimed_at=None if claimed_at is None else datetime.fromisoformat(claimed_at),
        is_offer=is_offer,
    )
