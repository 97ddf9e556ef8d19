"""The egress guard: the URLs and addresses that a tenant may make Posthorn call.

A URL is parsed once, here, and strictly: anything that two parsers could read differently is
refused, not repaired. The sender connects to the result of `check_addresses` and resolves no name
twice.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import quote, urljoin

from posthorn.core.errors import InvalidError
from posthorn.egress.ip_ranges import Address, AddressKind, kind_of

MAX_URL_LENGTH = 2048  # as EndpointSpec.url
MAX_NAME_LENGTH = 253  # RFC 1035
_DEFAULT_PORTS = {"https": 443, "http": 80}
_HOST_AND_PORT = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([^:]*))?")
_PORT = re.compile(r"[1-9][0-9]{1,4}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # not the end of a name; some parsers read an address
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_IDNA_DEVIATIONS = frozenset("ßẞς\u200c\u200d")  # IDNA 2003 and 2008 map these differently
_PUNCTUATION = "!#$%&'()*+,/:;=?@[]~"  # allowed in a target besides letters and digits
_METADATA_NAMES = (
    *("metadata", "metadata.google.internal", "metadata.goog", "metadata.azure.internal"),
    *("instance-data", "instance-data.ec2.internal", "metadata.tencentyun.com"),
)
_LOCAL_NAMES = (
    *("localhost", "localdomain", "local", "internal", "intranet", "private"),
    *("corp", "home", "lan", "home.arpa", "svc"),
)
_LOCAL_KINDS = frozenset({AddressKind.LOOPBACK, AddressKind.PRIVATE})


class Reason(StrEnum):
    """The reason of a refusal."""

    URL_SYNTAX = "url_syntax"
    SCHEME = "scheme"
    USERINFO = "userinfo"
    PORT = "port"
    HOST_SYNTAX = "host_syntax"
    HOST_AMBIGUOUS = "host_ambiguous"
    NAME_LOCAL = "name_local"
    NAME_METADATA = "name_metadata"
    ADDRESS_UNSPECIFIED = "address_unspecified"
    ADDRESS_LOOPBACK = "address_loopback"
    ADDRESS_PRIVATE = "address_private"
    ADDRESS_LINK_LOCAL = "address_link_local"
    ADDRESS_CGNAT = "address_cgnat"
    ADDRESS_MULTICAST = "address_multicast"
    ADDRESS_RESERVED = "address_reserved"
    ADDRESS_IPV4_IN_IPV6 = "address_ipv4_in_ipv6"
    ADDRESS_METADATA = "address_metadata"
    ADDRESS_MIXED = "address_mixed"


_SENTENCES = {
    Reason.URL_SYNTAX: "the URL must be absolute, without spaces, control characters or \\",
    Reason.SCHEME: "the URL must start with https://",
    Reason.USERINFO: "the URL must not contain a user name or password: use the endpoint's auth",
    Reason.PORT: "the port must be 80, 443, or 1024 to 65535",
    Reason.HOST_SYNTAX: "the host of the URL must be a valid name or address",
    Reason.HOST_AMBIGUOUS: "an IPv4 address must be four decimal numbers without leading zeros",
    Reason.NAME_LOCAL: "the name {} exists only inside a local network: use a public name",
    Reason.NAME_METADATA: "the name {} belongs to a cloud's metadata service",
    Reason.ADDRESS_UNSPECIFIED: "{} is an unspecified address, which means the sending machine",
    Reason.ADDRESS_LOOPBACK: "{} is a loopback address, which means the sending machine",
    Reason.ADDRESS_PRIVATE: "{} is an address of a private network",
    Reason.ADDRESS_LINK_LOCAL: "{} is an address of a local link",
    Reason.ADDRESS_CGNAT: "{} is an address shared behind a carrier's NAT",
    Reason.ADDRESS_MULTICAST: "{} is a multicast address",
    Reason.ADDRESS_RESERVED: "{} is reserved and not an address of the public internet",
    Reason.ADDRESS_IPV4_IN_IPV6: "{} embeds an IPv4 address in an IPv6 one: use the IPv4 address",
    Reason.ADDRESS_METADATA: "{} belongs to a cloud's metadata service",
    Reason.ADDRESS_MIXED: "{} is not public: all addresses of the name must be",
}


class BlockedError(InvalidError):
    """A refused URL or address; `detail` is a sentence for the endpoint's owner."""

    code = "blocked"

    def __init__(self, reason: Reason, subject: object = "") -> None:
        super().__init__(_SENTENCES[reason].format(subject))
        self.reason = reason


@dataclass(frozen=True)
class EgressPolicy:
    """`allow_private` permits loopback, private networks and local names, for local development."""

    allow_http: bool
    allow_private: bool


@dataclass(frozen=True)
class Destination:
    """A checked URL: the host as DNS and certificates spell it, and the request target."""

    scheme: str
    host: str
    port: int
    target: str
    address: Address | None = None  # if the host is an address

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """The value of the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def check_url(url: str, policy: EgressPolicy) -> Destination:
    """Check everything that the URL alone shows; raise BlockedError."""
    if len(url) > MAX_URL_LENGTH or not url.isprintable() or " " in url or "\\" in url:
        raise BlockedError(Reason.URL_SYNTAX)
    scheme, _, rest = url.partition(":")
    scheme = scheme.lower()
    if scheme != "https" and not (scheme == "http" and policy.allow_http):
        raise BlockedError(Reason.SCHEME)
    if not rest.startswith("//"):
        raise BlockedError(Reason.URL_SYNTAX)
    authority = re.split(r"[/?#]", rest[2:], maxsplit=1)[0]
    target = rest[2 + len(authority) :].partition("#")[0]
    host, port = _host_and_port(authority, _DEFAULT_PORTS[scheme])
    address = _literal(host)
    if address:
        check_addresses(str(address), [str(address)], policy=policy)
    else:
        _check_name(host, policy)
    return Destination(
        scheme=scheme,
        host=str(address or host),
        port=port,
        target=quote(target if target.startswith("/") else f"/{target}", safe=_PUNCTUATION),
        address=address,
    )


def _host_and_port(authority: str, default_port: int) -> tuple[str, int]:
    if "@" in authority:
        raise BlockedError(Reason.USERINFO)
    match = _HOST_AND_PORT.fullmatch(authority)
    if not match:
        raise BlockedError(Reason.HOST_SYNTAX)
    host, port = match.groups()
    host = host if host.startswith("[") else _spelled(host)
    if port is None:
        return host, default_port
    if not _PORT.fullmatch(port) or not (int(port) in (80, 443) or 1024 <= int(port) <= 65535):
        raise BlockedError(Reason.PORT)
    return host, int(port)


def _spelled(host: str) -> str:
    """The host as DNS spells it: international names as `xn--…`, without a final dot."""
    try:
        if _IDNA_DEVIATIONS.isdisjoint(host):
            name = host[: MAX_NAME_LENGTH + 2].encode("idna").decode("ascii")  # slow for long text
            name = name.lower().removesuffix(".")
            if len(name) <= MAX_NAME_LENGTH and all(map(_LABEL.fullmatch, name.split("."))):
                return name
    except UnicodeError:
        pass
    raise BlockedError(Reason.HOST_SYNTAX)


def _literal(host: str) -> Address | None:
    """The address if the host is one; only the canonical spelling is accepted."""
    bracketed = host.startswith("[")
    try:
        if bracketed:
            return IPv6Address(host[1:-1])
        if _NUMBER.fullmatch(host.rpartition(".")[2]):
            return IPv4Address(host)
    except ValueError:
        raise BlockedError(Reason.HOST_SYNTAX if bracketed else Reason.HOST_AMBIGUOUS) from None
    return None


def _check_name(name: str, policy: EgressPolicy) -> None:
    if _is_below(name, _METADATA_NAMES):
        raise BlockedError(Reason.NAME_METADATA, name)
    if not policy.allow_private and ("." not in name or _is_below(name, _LOCAL_NAMES)):
        raise BlockedError(Reason.NAME_LOCAL, name)


def _is_below(name: str, parents: Iterable[str]) -> bool:
    return any(name == parent or name.endswith(f".{parent}") for parent in parents)


def redirect_url(destination: Destination, location: str) -> str:
    """The absolute URL of a `Location` header, not yet checked."""
    with suppress(ValueError):  # raised for stray brackets, which check_url refuses
        return urljoin(destination.url, location)
    return location


def check_addresses(
    name: str, addresses: Iterable[str], *, policy: EgressPolicy
) -> tuple[Address, ...]:
    """The distinct addresses in the given order; raise BlockedError unless all are allowed."""
    reasons = {address: _refusal(address, policy) for address in map(ip_address, addresses)}
    for address, reason in reasons.items():
        if reason:
            subject = address if name == str(address) else f"{address}, to which {name} resolves,"
            mixed = not all(reasons.values())
            raise BlockedError(Reason.ADDRESS_MIXED if mixed else reason, subject)
    return tuple(reasons)


def _refusal(address: Address, policy: EgressPolicy) -> Reason | None:
    kind = kind_of(address)
    if kind == AddressKind.PUBLIC or (policy.allow_private and kind in _LOCAL_KINDS):
        return None
    return Reason(f"address_{kind}")
