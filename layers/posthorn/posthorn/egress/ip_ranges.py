"""The kind of an IP address: public, or which special range it is in.

A table after IANA's special-purpose address registries, because `ipaddress.is_global` differs
between Python releases and is true for some addresses that embed a private IPv4 address.
"""

from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_network

Address = IPv4Address | IPv6Address


class AddressKind(StrEnum):
    PUBLIC = "public"
    METADATA = "metadata"
    UNSPECIFIED = "unspecified"
    LOOPBACK = "loopback"
    PRIVATE = "private"
    LINK_LOCAL = "link_local"
    CGNAT = "cgnat"
    MULTICAST = "multicast"
    IPV4_IN_IPV6 = "ipv4_in_ipv6"
    RESERVED = "reserved"


_NETWORKS = {
    AddressKind.METADATA: (
        *("169.254.169.0/24", "169.254.170.0/24", "fd00:ec2::/32"),  # EC2, and ECS and EKS roles
        *("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd20:ce::254"),  # other clouds
    ),
    AddressKind.UNSPECIFIED: ("0.0.0.0/8", "::"),
    AddressKind.LOOPBACK: ("127.0.0.0/8", "::1"),
    AddressKind.PRIVATE: ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
    AddressKind.LINK_LOCAL: ("169.254.0.0/16", "fe80::/10"),
    AddressKind.CGNAT: ("100.64.0.0/10",),
    AddressKind.MULTICAST: ("224.0.0.0/4", "ff00::/8"),
    AddressKind.IPV4_IN_IPV6: (
        *("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96"),  # compatible, mapped, translated
        *("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"),  # NAT64, 6to4, Teredo
    ),
    AddressKind.RESERVED: (
        *("192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4"),
        *("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"),  # documentation
        *("2001::/23", "2001:db8::/32", "3fff::/20"),  # protocol assignments, documentation
    ),
}
_TABLE = [(ip_network(text), kind) for kind, texts in _NETWORKS.items() for text in texts]
_GLOBAL_UNICAST = ip_network("2000::/3")  # the part of IPv6 that IANA has allocated
_ISATAP = 0x5EFE  # bits 32 to 63 of an address that embeds an IPv4 one, without the u bit


def kind_of(address: Address) -> AddressKind:
    """The kind of the first network that contains the address; public if none does."""
    if isinstance(address, IPv6Address) and address.scope_id:
        return AddressKind.LINK_LOCAL  # a scope names one of this machine's links
    for network, kind in _TABLE:
        if address in network:
            return kind
    if isinstance(address, IPv4Address):
        return AddressKind.PUBLIC
    if address not in _GLOBAL_UNICAST:
        return AddressKind.RESERVED
    embeds_ipv4 = int(address) >> 32 & 0xFDFF_FFFF == _ISATAP
    return AddressKind.IPV4_IN_IPV6 if embeds_ipv4 else AddressKind.PUBLIC
