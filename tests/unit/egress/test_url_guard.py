"""Which URLs and addresses may be called."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorn.egress.url_guard import (
    BlockedError,
    EgressPolicy,
    Reason,
    check_addresses,
    check_url,
    redirect_url,
)
from tests.unit.egress.egress_corpus import ALLOWED_URLS, BLOCKED_ADDRESSES, BLOCKED_URLS

STRICT = EgressPolicy(allow_http=False, allow_private=False)
LAPTOP = EgressPolicy(allow_http=True, allow_private=True)


def refused(url: str, policy: EgressPolicy = STRICT) -> BlockedError:
    with pytest.raises(BlockedError) as caught:
        check_url(url, policy)
    return caught.value


@pytest.mark.parametrize(("url", "reason"), BLOCKED_URLS.items())
def test_a_bypass_attempt_is_refused_for_its_reason_when_saved(url: str, reason: Reason) -> None:
    assert refused(url).reason == reason


@pytest.mark.parametrize(("url", "called"), ALLOWED_URLS.items())
def test_a_legitimate_url_is_accepted_and_called_as_expected(url: str, called: str) -> None:
    assert check_url(url, STRICT).url == called


@pytest.mark.parametrize(("addresses", "reason"), BLOCKED_ADDRESSES.items())
def test_a_name_is_refused_when_any_of_its_addresses_is(
    addresses: tuple[str, ...], reason: Reason
) -> None:
    with pytest.raises(BlockedError) as caught:
        check_addresses("hooks.example.com", addresses, policy=STRICT)

    assert caught.value.reason == reason
    assert "hooks.example.com" in caught.value.detail


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(BLOCKED_URLS) >= 100
    assert len(ALLOWED_URLS) >= 25
    assert set(Reason) == {*BLOCKED_URLS.values(), *BLOCKED_ADDRESSES.values()}


def test_public_addresses_come_back_in_their_order_and_once() -> None:
    answer = ["2606:4700::1111", "93.184.216.34", "93.184.216.34"]

    checked = check_addresses("hooks.example.com", answer, policy=STRICT)

    assert checked == (IPv6Address("2606:4700::1111"), IPv4Address("93.184.216.34"))


def test_a_refusal_is_a_sentence_that_names_the_fault() -> None:
    assert refused("https://10.0.0.1/").detail == "10.0.0.1 is an address of a private network"
    assert refused("https://printer.local/").detail.startswith("the name printer.local exists only")


def test_a_refusal_of_a_resolved_name_says_which_address_is_the_reason() -> None:
    with pytest.raises(BlockedError) as caught:
        check_addresses("hooks.example.com", ["1.1.1.1", "10.0.0.1"], policy=STRICT)

    assert caught.value.detail.startswith("10.0.0.1, to which hooks.example.com resolves, is not")


@pytest.mark.parametrize(
    ("url", "called"),
    [
        ("http://localhost:8080/hook", "http://localhost:8080/hook"),
        ("http://127.0.0.1:9000/", "http://127.0.0.1:9000/"),
        ("https://[::1]:9443/", "https://[::1]:9443/"),
        ("http://192.168.1.20/", "http://192.168.1.20/"),
        ("http://receiver:8080/", "http://receiver:8080/"),
        ("http://example.com:80/", "http://example.com/"),
        ("http://example.com:443/", "http://example.com:443/"),
    ],
)
def test_a_laptop_may_call_itself_and_its_network(url: str, called: str) -> None:
    assert check_url(url, LAPTOP).url == called


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://169.254.169.254/", Reason.ADDRESS_METADATA),
        ("http://169.254.170.2/", Reason.ADDRESS_METADATA),
        ("http://[fd00:ec2::254]/", Reason.ADDRESS_METADATA),
        ("http://100.100.100.200/", Reason.ADDRESS_METADATA),
        ("http://metadata.google.internal/", Reason.NAME_METADATA),
        ("http://instance-data/", Reason.NAME_METADATA),
        ("http://0.0.0.0/", Reason.ADDRESS_UNSPECIFIED),
        ("http://[::]/", Reason.ADDRESS_UNSPECIFIED),
        ("http://224.0.0.1/", Reason.ADDRESS_MULTICAST),
        ("http://169.254.1.1/", Reason.ADDRESS_LINK_LOCAL),
        ("http://[::ffff:127.0.0.1]/", Reason.ADDRESS_IPV4_IN_IPV6),
        ("http://127.1/", Reason.HOST_AMBIGUOUS),
        ("http://localhost:22/", Reason.PORT),
        ("http://me@localhost/", Reason.USERINFO),
        ("ftp://localhost/", Reason.SCHEME),
    ],
)
def test_a_laptop_is_still_kept_from_everything_else(url: str, reason: Reason) -> None:
    assert refused(url, LAPTOP).reason == reason


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/other", "https://example.com/other"),
        ("//other.example/x", "https://other.example/x"),
        ("next?x=1", "https://example.com/a/next?x=1"),
        ("http://127.0.0.1/", "http://127.0.0.1/"),
        ("https://[::1", "https://[::1"),
    ],
)
def test_a_redirect_is_read_relative_to_where_it_came_from(location: str, target: str) -> None:
    assert redirect_url(check_url("https://example.com/a/b", STRICT), location) == target


@given(st.ip_addresses())
def test_a_name_and_a_literal_are_judged_alike(address: IPv4Address | IPv6Address) -> None:
    host = f"[{address}]" if address.version == 6 else str(address)
    by_name = by_url = None
    try:
        check_addresses("hooks.example.com", [str(address)], policy=STRICT)
    except BlockedError as error:
        by_name = error.reason
    try:
        assert check_url(f"https://{host}/", STRICT).address == address
    except BlockedError as error:
        by_url = error.reason

    assert by_url == by_name


@given(st.integers(0, 2**32 - 1), st.sampled_from(["{}", "{:#x}", "0{:o}"]))
def test_no_number_is_taken_for_an_address(number: int, form: str) -> None:
    assert refused(f"https://{form.format(number)}/").reason == Reason.HOST_AMBIGUOUS


@given(st.text(max_size=40), st.sampled_from([STRICT, LAPTOP]))
def test_any_host_is_refused_or_becomes_a_plain_ascii_one(host: str, policy: EgressPolicy) -> None:
    try:
        destination = check_url(f"https://{host}/", policy)
    except BlockedError:
        return
    assert destination.host.isascii()
    assert not set(destination.host) & set("@/\\%?# []")
    assert check_url(destination.url, policy) == destination
    if destination.address:
        assert ip_address(destination.host) == destination.address


@given(st.text(max_size=60))
def test_any_target_is_refused_or_becomes_one_line_of_ascii(target: str) -> None:
    try:
        destination = check_url(f"https://example.com/{target}", STRICT)
    except BlockedError:
        return
    assert destination.host == "example.com"
    assert destination.target.isascii()
    assert destination.target.isprintable()
    assert " " not in destination.target
    assert check_url(destination.url, STRICT) == destination


@given(st.text(max_size=60))
def test_any_text_is_refused_with_a_sentence_or_understood(url: str) -> None:
    detail = "fine"
    try:
        check_url(url, LAPTOP)
    except BlockedError as error:
        detail = error.detail

    assert detail
