"""Public addresses, compared with Python's own classification."""

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from posthorn.egress.ip_ranges import AddressKind, kind_of


@given(st.ip_addresses(v=4))
def test_no_address_passes_that_python_does_not_call_global(address: IPv4Address) -> None:
    if kind_of(address) == AddressKind.PUBLIC:
        assert address.is_global
        assert not address.is_multicast


@given(st.ip_addresses(v=6))
def test_no_ipv6_address_passes_outside_of_global_unicast(address: IPv6Address) -> None:
    if kind_of(address) == AddressKind.PUBLIC:
        assert address.is_global
        assert int(address) >> 125 == 1
        assert address.ipv4_mapped is None
        assert address.sixtofour is None
        assert address.teredo is None
