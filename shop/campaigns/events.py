"""What campaigns tell."""

from dataclasses import dataclass
from typing import ClassVar

from kit.outbox import Event


@dataclass(frozen=True)
class CampaignScheduled(Event):
    """A campaign was published: its rules stand, its cards are set aside."""

    name: ClassVar[str] = "campaigns.scheduled"

    campaign_id: str
    kind: str


@dataclass(frozen=True)
class CampaignWarmed(Event):
    """The warm-up of a campaign began."""

    name: ClassVar[str] = "campaigns.warmed"

    campaign_id: str
    kind: str


@dataclass(frozen=True)
class CampaignOpened(Event):
    """A campaign opened."""

    name: ClassVar[str] = "campaigns.opened"

    campaign_id: str
    kind: str


@dataclass(frozen=True)
class CampaignEnded(Event):
    """A campaign's window is over."""

    name: ClassVar[str] = "campaigns.ended"

    campaign_id: str
    kind: str


@dataclass(frozen=True)
class CampaignSettled(Event):
    """Nothing of a campaign is open any more; its unsold cards are free again."""

    name: ClassVar[str] = "campaigns.settled"

    campaign_id: str
    kind: str


@dataclass(frozen=True)
class CampaignPaused(Event):
    """A campaign refuses buyers until it is resumed."""

    name: ClassVar[str] = "campaigns.paused"

    campaign_id: str
    kind: str
    reason: str


@dataclass(frozen=True)
class CampaignResumed(Event):
    """A paused campaign takes buyers again."""

    name: ClassVar[str] = "campaigns.resumed"

    campaign_id: str
    kind: str


@dataclass(frozen=True)
class CampaignCancelled(Event):
    """A campaign was called off before it opened."""

    name: ClassVar[str] = "campaigns.cancelled"

    campaign_id: str
    kind: str


@dataclass(frozen=True)
class CampaignCopiedForSlot(Event):
    """A slot made a draft; whoever knows its way of selling completes it."""

    name: ClassVar[str] = "campaigns.copied_for_slot"

    campaign_id: str
    kind: str
    source_id: str
    fee_basis_points: int = 60  # what platforms keep at most; the release before did not say
