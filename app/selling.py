"""The ways of selling, side by side: how each forecasts, publishes and copies its campaigns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from flash_sale import service as flash_sale
from group_buy import service as group_buy
from shop.campaigns.models import Campaign, CampaignKind
from shop.campaigns.planning import DryRun


@dataclass(frozen=True, slots=True)
class WayOfSelling:
    """The operators' side of one way of selling."""

    dry_run: Callable[..., DryRun]
    schedule: Callable[..., DryRun]
    copy: Callable[..., Campaign]


WAYS: Final[Mapping[CampaignKind, WayOfSelling]] = {
    CampaignKind.GROUP_BUY: WayOfSelling(
        group_buy.dry_run, group_buy.schedule_group_buy, group_buy.copy_group_buy
    ),
    CampaignKind.FLASH_SALE: WayOfSelling(
        flash_sale.dry_run, flash_sale.schedule_flash_sale, flash_sale.copy_flash_sale
    ),
}
