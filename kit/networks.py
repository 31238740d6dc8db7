"""Networks: what a limit counts for, since one household has a whole IPv6 /64."""

import ipaddress
from functools import lru_cache
from typing import Final

IPV6_PREFIX: Final = 64


@lru_cache(maxsize=65_536)
def network_of(told: str) -> str:
    """Return an IPv4 address or IPv6 /64; whatever is no address is one network."""
    try:
        address = ipaddress.ip_address(told)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False).network_address)
    return str(address)
