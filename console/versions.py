"""Versions for forms: a short digest of what somebody saw when they decided."""

import hashlib
import json
from typing import Any

from shop.campaigns.models import Campaign
from shop.catalog.models import Product, Sku
from shop.catalog.rules import Listing
from shop.chat_groups.models import ChatGroup


def version_of(state: Any) -> str:
    """Return a digest that changes with the state."""
    text = json.dumps(state, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def chat_group_state(group: ChatGroup) -> dict[str, Any]:
    """Return what the audit log and forms know of a chat group; of a robot's key a fingerprint."""
    key_hash = group.robot_key_hash
    return {
        "name": group.name,
        "daily_quota": group.daily_quota,
        "sender": group.sender,
        "opengid": group.opengid,
        "robot": None if key_hash is None else key_hash.hex()[:8],
        "paused_at": None if group.paused_at is None else group.paused_at.isoformat(),
        "is_active": group.is_active,
    }


def campaign_state(campaign: Campaign) -> dict[str, Any]:
    """Return what the audit log and forms know of a campaign."""
    return {
        "name": campaign.name,
        "kind": campaign.kind.value,
        "status": campaign.status.value,
        "starts_at": campaign.starts_at.isoformat(),
        "ends_at": campaign.ends_at.isoformat(),
        "pause_reason": campaign.pause_reason,
        "approved_by": campaign.approved_by,
    }


def product_state(product: Product) -> dict[str, Any]:
    """Return what the audit log and forms know of a product."""
    return {
        "title": product.title,
        "brand": product.brand,
        "scenario": product.scenario.value,
        "pictures": list(product.pictures),
        "purchase_notes": product.purchase_notes,
        "status": product.status.value,
    }


def sku_state(sku: Sku) -> dict[str, Any]:
    """Return what the audit log and forms know of a SKU."""
    return {"code": sku.code, "kind": sku.kind.value, **Listing.of(sku).tell()}
