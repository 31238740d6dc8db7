"""What the web application is told besides the ports, in plain values."""

from collections.abc import Callable
from dataclasses import dataclass, field

from flash_sale.challenges import Challenge, ProofOfWork
from miniprogram_api.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class WebOptions:
    """What the web application needs to know besides the ports, in plain values."""

    metrics_key: str = field(default="", repr=False)  # empty: no figures for anybody
    environment: str = "production"  # "local" shows the API's document at /docs
    trusted_proxies: int = 0
    ready_requires: tuple[str, ...] = ()  # kinds of processes without which we are not ready
    limits: Limits = field(default_factory=Limits)
    claims_base_url: str = ""  # where claims are sent, without a path
    challenge_from_score: int = 60
    challenge_of: Callable[[bytes], Challenge] = ProofOfWork  # of the key that signs
    public_origin: str = ""  # where people reach us, as "https://shop.example"
