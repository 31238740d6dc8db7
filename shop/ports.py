"""Everything the shop needs from outside, in one value that the roof builds and hands down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from redis import Redis
from redis.cluster import RedisCluster

from kit.clock import Clock
from kit.db import Begin
from kit.pushed_messages import PushedMessages
from kit.ratelimit import RateLimiter
from shop.approvals.rules import ApprovalTerms
from shop.cards.vault import Vault
from shop.chat_groups.directory import GroupDirectory
from shop.chat_groups.robot_keys import RobotKeys
from shop.members.phones import PhoneBook
from shop.members.platforms import (
    GroupDoor,
    IdentityPlatform,
    ImageCheck,
    Platform,
    ShippingDesk,
)
from shop.outreach.gateway import Channels, ContentCheck
from shop.payments.gateway import Channel, PaymentGateway
from shop.payments.rejections import Rejections
from shop.payments.transfer_gateway import TransferGateway
from shop.posters.cache import PosterCache
from shop.posters.makers import CodeKind, CodeMaker
from shop.withdrawals.rules import WithdrawalTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What platforms push, or seal for us, and whom to ask about it; what is None is closed."""

    group_doors: Mapping[Platform, GroupDoor] = field(default_factory=dict)
    image_checks: Mapping[Platform, ImageCheck] = field(default_factory=dict)
    wechat_messages: PushedMessages | None = None
    wecom_messages: PushedMessages | None = None
    group_directory: GroupDirectory | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The outside world as the shop sees it."""

    begin: Begin
    clock: Clock
    redis: Redis
    gate_redis: "Redis | RedisCluster"  # of the flash sale's gate; it must not throw keys away
    limiter: RateLimiter
    gateways: Mapping[Channel, PaymentGateway]
    transfers: Mapping[Channel, TransferGateway]
    identity_platforms: Mapping[Platform, IdentityPlatform]
    shipping_desk: ShippingDesk
    channels: Channels
    content_checks: Mapping[Platform, ContentCheck]
    code_makers: Mapping[CodeKind, CodeMaker]
    posters: PosterCache
    vault: Vault
    phone_book: PhoneBook
    token_hash_key: bytes
    payer_hash_key: bytes
    device_hash_key: bytes
    robot_keys: RobotKeys
    purchase_key: bytes  # signs purchase tokens and challenges of flash sales
    pay_within: timedelta
    public_base_url: str  # where people and platforms reach us
    withdrawal_terms: WithdrawalTerms
    fee_basis_points: int  # what the dearest payment platform keeps of a price
    approval_terms: ApprovalTerms = field(default_factory=ApprovalTerms)
    heard: Heard = field(default_factory=Heard)
    rejections: Rejections = field(default_factory=Rejections)  # of notices, by this process
