"""What the lane has answered, counted by hand and passed on to the figures once a second."""

import asyncio
from collections import Counter
from typing import Final

from app import metrics

ROUTE: Final = "/v1/campaigns/<uuid:campaign_id>/claims"
PASS_ON_SECONDS: Final = 1.0


class Figures:
    """Counts answers; a figure of the library costs more than the refusal it counts."""

    def __init__(self) -> None:
        """Start with nothing counted."""
        self._answers: Counter[tuple[str, str, int]] = Counter()
        self._refusals: Counter[str] = Counter()

    def count(self, method: str, route: str, status: int, code: str) -> None:
        """Count an answer; `code` is that of a problem, or empty."""
        self._answers[method, route, status] += 1
        if code:
            self._refusals[code] += 1

    def pass_on(self) -> None:
        """Add what was counted to the figures."""
        answers, self._answers = self._answers, Counter()
        refusals, self._refusals = self._refusals, Counter()
        for (method, route, status), times in answers.items():
            metrics.REQUESTS.labels(method, route, str(status)).inc(times)
        for code, times in refusals.items():
            metrics.REFUSALS.labels(code).inc(times)

    async def run(self) -> None:
        """Pass on, until cancelled."""
        while True:
            await asyncio.sleep(PASS_ON_SECONDS)
            self.pass_on()
