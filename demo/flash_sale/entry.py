"""Before the opening: everybody signs in through their platform, and asks to be let in."""

import asyncio
from typing import Any, Final

from demo.evening import Evening
from demo.flash_sale import challenge
from demo.flash_sale.crowd import Claimant
from demo.flash_sale.wire import CrowdWire
from demo.wire import Answer

MOST_TRIES: Final = 30
CREATED: Final = 201


class Entrance:
    """The way in, for many at once."""

    def __init__(self, evening: Evening, wire: CrowdWire) -> None:
        """Nobody has come yet."""
        self._evening = evening
        self._wire = wire
        self._shop = evening.shop.base_url
        self._sandbox = evening.platforms.base_url

    async def sign_in(self, claimant: Claimant) -> bool:
        """Sign in on each of the member's phones, as `wx.login` and `my.getAuthCode` do."""
        for _ in range(claimant.phones):
            if not await self._sign_in(claimant):
                return False
        return True

    async def be_let_in(self, claimant: Claimant, campaign_id: str) -> bool:
        """Ask for a purchase token, after the work that is asked for, if any."""
        person = claimant.person
        answer = await self._ask_for_token(claimant, campaign_id)
        if claimant.phones > 1:
            self._evening.chronicle.probe(
                "who looks like a program is asked to work", "challenge_required", _last(answer)
            )
            solution = await asyncio.to_thread(challenge.solve, answer.body.get("details", {}))
            answer = await self._ask_for_token(claimant, campaign_id, solution=solution)
            self._evening.chronicle.count("challenges solved")
        self._evening.chronicle.probe("members are let in", str(CREATED), answer.status)
        claimant.claims_url = str(answer.body.get("claims_url", ""))
        claimant.bearer = str(answer.body.get("token", ""))
        if not claimant.has_token:
            claimant.bearer = person.program.token
        return answer.status == CREATED

    async def knock(self, claimant: Claimant, campaign_id: str) -> Answer:
        """Ask for a purchase token once."""
        return await self._ask_for_token(claimant, campaign_id)

    async def look(self, campaign_id: str) -> Answer:
        """See the campaign, as anybody does."""
        return await self._until_answered("GET", f"{self._shop}/v1/campaigns/{campaign_id}")

    async def ask(
        self, claimant: Claimant, method: str, path: str, body: dict[str, Any] | None = None
    ) -> Answer:
        """Ask the shop, signed in, until it answers."""
        headers = {"Authorization": f"Bearer {claimant.person.program.token}"}
        return await self._until_answered(method, self._shop + path, body, headers)

    async def _sign_in(self, claimant: Claimant) -> bool:
        person = claimant.person
        known_as = {
            "wechat": {
                "openid": person.open_ids[person.platform],
                "unionid": person.union_id,
            },
            "alipay": {
                "open_id": person.open_ids[person.platform],
                "union_id": person.union_id,
            },
        }
        url = f"{self._sandbox}/sandbox/{person.platform}/codes"
        given = await self._until_answered("POST", url, known_as[person.platform])
        body = {"platform": person.platform, "code": given.body.get("code")}
        answer = await self._until_answered("POST", f"{self._shop}/v1/sign-in", body)
        self._evening.chronicle.probe("sign-ins", "200", answer.status)
        self._evening.chronicle.count("sign-ins")
        program = self._evening.phone(person.platform)
        program.token = str(answer.body.get("token", ""))
        person.programs[person.platform] = program
        return answer.is_ok

    async def _ask_for_token(
        self, claimant: Claimant, campaign_id: str, solution: dict[str, str] | None = None
    ) -> Answer:
        body = {} if solution is None else {"solution": solution}
        return await self.ask(
            claimant, "POST", f"/v1/campaigns/{campaign_id}/purchase-tokens", body
        )

    async def _until_answered(
        self,
        method: str,
        url: str,
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        for _ in range(MOST_TRIES):
            answer = await self._wire.ask(method, url, body=body, headers=headers)
            if not answer.is_busy:
                break
            self._evening.chronicle.hiccup(answer.code or f"HTTP {answer.status}")
            await asyncio.sleep(answer.wait_seconds)
        return answer


def _last(answer: Answer) -> str:
    return answer.code.rpartition(".")[2] or str(answer.status)
