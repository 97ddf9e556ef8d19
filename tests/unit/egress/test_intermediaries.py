import pytest

from posthorn.egress.advice import response_advice

HTML = {"content-type": "text/html; charset=UTF-8"}
ORIGIN = {"cf-cache-status": "DYNAMIC"}


@pytest.mark.parametrize(
    ("status", "party"),
    [
        *((status, "Cloudflare") for status in (*range(520, 528), 530)),
        (561, "AWS load balancer"),
        (499, "nginx"),
    ],
)
def test_statuses_of_one_product_name_it(status: int, party: str) -> None:
    assert party in response_advice(status, {}, sent={})


@pytest.mark.parametrize(
    ("headers", "party"),
    [
        ({"server": "cloudflare"}, "Cloudflare, in front of the receiver, limits"),
        ({"server": "cloudflare", **ORIGIN}, "the receiver limits"),
        ({"server": "CloudFront"}, "CloudFront, in front of the receiver, limits"),
        ({"server": "AkamaiGHost"}, "Akamai, in front of the receiver, limits"),
        ({"server": "nginx"}, "the receiver limits"),
        ({"via": "1.1 abc.cloudfront.net (CloudFront)"}, "the receiver limits"),
        ({}, "the receiver limits"),
    ],
)
def test_429_names_the_party_that_limits(headers: dict[str, str], party: str) -> None:
    assert response_advice(429, headers, sent={}).startswith(f"answered 429: {party}")


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"cf-mitigated": "challenge", **HTML}, "Cloudflare, in front of the receiver, blocked"),
        ({"x-amzn-waf-action": "captcha"}, "AWS WAF, in front of the receiver, blocked"),
        ({"x-iinfo": "1-2-3", **HTML}, "Imperva, in front of the receiver, blocked"),
        ({"server": "cloudflare", **ORIGIN}, "access is forbidden"),
        ({"server": "nginx", **HTML}, "access is forbidden"),
    ],
)
def test_403_names_the_party_that_blocks(headers: dict[str, str], text: str) -> None:
    assert text in response_advice(403, headers, sent={})


def test_a_page_of_an_intermediary_is_named() -> None:
    headers = {"server": "awselb/2.0", **HTML}

    assert response_advice(503, headers, sent={}).endswith(
        "(an HTML page of an AWS load balancer, not of the receiver)"
    )
