"""Versions for forms: a short digest of what somebody saw when they decided."""

import hashlib
import json
from typing import Any

from shop.campaigns.models import Campaign


def version_of(state: Any) -> str:
    """Return a digest that changes with the state."""
    text = json.dumps(state, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


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
