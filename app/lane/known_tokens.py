"""Purchase tokens that were looked at before: who asks again and again has the same one."""

from datetime import datetime
from typing import Final

from flash_sale.tokens import PurchaseToken
from miniprogram_api.auth import read_purchase

MOST_KNOWN: Final = 20_000


class KnownTokens:
    """Header → what its token says, for tokens that were found to be ours."""

    def __init__(self, key: bytes) -> None:
        """Know none yet; `key` is that by which purchase tokens are signed."""
        self._key = key
        self._known: dict[str, PurchaseToken] = {}

    def read(self, authorization: str, *, now: datetime) -> PurchaseToken | None:
        """Return what the purchase token of this header says; None when it is none; `BadToken`."""
        known = self._known.get(authorization)
        if known is not None and now < known.expires_at:
            return known
        token = read_purchase(authorization, key=self._key, now=now)
        if token is not None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[authorization] = token
        return token
