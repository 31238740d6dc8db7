"""What the shop asks WeCom about customer groups, in the shop's own words."""

from dataclasses import dataclass
from typing import Protocol


class DirectoryUnavailable(Exception):
    """No usable answer; trying again later may help. The message names a code, nothing else."""


class GroupUnknown(Exception):
    """WeCom knows no such customer group, or does not show it to us."""


@dataclass(frozen=True, slots=True)
class GroupSeen:
    """A customer group as it is now."""

    name: str
    owner: str  # user id of a member of the company


class GroupDirectory(Protocol):
    """Customer groups at WeCom. Every call has a timeout and raises only the two above."""

    def look(self, *, chat_id: str) -> GroupSeen:
        """Return the group's name and owner."""
        ...

    def chat_id_of(self, *, opengid: str) -> str:
        """Return which group it is that the mini-program knows by this id."""
        ...
