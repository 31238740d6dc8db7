"""Limits of the lane: claims per member, device and address, counted in this process alone.

Redis is busy with the gate, and a limit here sheds load; so several lanes allow a few times as
much in all. What a member may hold is not decided here.
"""

from typing import Final
from uuid import UUID

from kit.clock import monotonic_seconds
from kit.errors import RateLimited
from miniprogram_api.limits import WINDOW_SECONDS, Kind, Limits

SECONDS: Final = 10  # a rush is over before a minute is
# Whoever comes when so many were counted in one window is let through.
MOST_COUNTED: Final = 1_000_000


class Counting:
    """Counts of the present window; all are forgotten when it ends."""

    def __init__(self, limits: Limits) -> None:
        """Start with nothing counted."""
        share = SECONDS / WINDOW_SECONDS
        self._most_of_member = max(1, int(limits.most(Kind.WRITE) * share))
        self._most_of_device = max(1, int(limits.most_of_device(Kind.WRITE) * share))
        self._most_of_address = max(1, int(limits.most_of_address(Kind.WRITE) * share))
        self._counts: dict[bytes | str, int] = {}
        self._window = -1

    def count(self, network: str, member_id: UUID, device: bytes) -> None:
        """Count a request of a network, a member and a device; raises `RateLimited`."""
        now = monotonic_seconds()
        self._hit(network, self._most_of_address, now)
        self._hit(member_id.bytes, self._most_of_member, now)
        self._hit(device, self._most_of_device, now)

    def count_address(self, network: str) -> None:
        """Count a request of a network; raises `RateLimited`."""
        self._hit(network, self._most_of_address, monotonic_seconds())

    def count_member(self, member_id: UUID, device: bytes | None) -> None:
        """Count a request of a member, and of the device if it is known; raises `RateLimited`."""
        now = monotonic_seconds()
        self._hit(member_id.bytes, self._most_of_member, now)
        if device is not None:
            self._hit(device, self._most_of_device, now)

    def _hit(self, key: bytes | str, most: int, now: float) -> None:
        window = int(now / SECONDS)
        if window != self._window:
            self._window, self._counts = window, {}
        count = self._counts.get(key, 0) + 1
        if count > most:
            raise RateLimited(retry_after_seconds=max(1, int((window + 1) * SECONDS - now) + 1))
        if count > 1 or len(self._counts) < MOST_COUNTED:
            self._counts[key] = count
