"""A slider by Tencent Captcha (天御验证码) as the challenge; while that is out, proof of work."""

import logging
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from flash_sale.challenges import ProofOfWork
from kit.tencent_cloud import TencentApi, TencentRefused, TencentUnavailable

log = logging.getLogger(__name__)

KIND: Final = "tencent_captcha"
ACTION: Final = "DescribeCaptchaResult"
SERVICE: Final = "captcha"
VERSION: Final = "2019-07-22"
CAPTCHA_TYPE: Final = 9
SOLVED: Final = 1
# So long others are posed work after a failure, instead of waiting for the next one.
OUT_FOR: Final = timedelta(seconds=30)
# Their words for tickets and members that are not good; all else that they refuse is our mistake.
_CLIENTS_FAULT: Final = ("InvalidParameterValue", "MissingParameter")


class Slider:
    """A `Challenge` whose page the platform shows, and of whose ticket it is asked.

    A ticket is good once, and five minutes; that is the platform's business. Which challenge is
    posed is decided by each process for itself, and either is taken whenever it was posed.
    """

    def __init__(
        self, api: TencentApi, *, app_id: int, app_secret_key: str, instead: ProofOfWork
    ) -> None:
        """Keep the client, and what is posed while the platform is out."""
        self._api = api
        self._app_id = app_id
        self._app_secret_key = app_secret_key
        self._instead = instead
        self._out_until: datetime | None = None

    def pose(self, campaign_id: UUID, member_id: UUID, *, now: datetime) -> dict[str, Any]:
        """Return {kind, app_id}; a proof of work while nobody would tell who has solved it."""
        if self._out_until is not None and now < self._out_until:
            return self._instead.pose(campaign_id, member_id, now=now)
        return {"kind": KIND, "app_id": str(self._app_id)}

    def is_solved(
        self,
        campaign_id: UUID,
        member_id: UUID,
        answer: dict[str, Any],
        *,
        address: str,
        now: datetime,
    ) -> bool:
        """Ask about {ticket, randstr}; or check {seed, answer}, which only we can have posed."""
        ticket, randstr = answer.get("ticket"), answer.get("randstr")
        if not ticket or not randstr:
            return self._instead.is_solved(campaign_id, member_id, answer, address=address, now=now)
        try:
            told = self._api.call(
                ACTION,
                {
                    "CaptchaType": CAPTCHA_TYPE,
                    "Ticket": str(ticket),
                    "UserIp": address,
                    "Randstr": str(randstr),
                    "CaptchaAppId": self._app_id,
                    "AppSecretKey": self._app_secret_key,
                },
                now=now,
            )
        except TencentRefused as refusal:
            if not refusal.code.startswith(_CLIENTS_FAULT):
                self._note_failure(refusal.code, now=now)
            return False
        except TencentUnavailable as failure:
            self._note_failure(str(failure), now=now)
            return False
        return bool(told.get("CaptchaCode") == SOLVED)

    def _note_failure(self, why: str, *, now: datetime) -> None:
        log.warning("the captcha is out: work is posed instead", extra={"why": why})
        self._out_until = now + OUT_FOR
