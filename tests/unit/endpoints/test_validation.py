"""Validation of an endpoint: every invalid field is named."""

from typing import Any

import pytest

from posthorn.core.errors import InvalidError
from posthorn.egress.url_guard import EgressPolicy
from posthorn.endpoints.validation import MAX_HEADERS_BYTES, check_endpoint
from posthorn.models import EndpointSpec

STRICT = EgressPolicy(allow_http=False, allow_private=False)
WORKING: dict[str, Any] = {
    "name": "ERP",
    "url": "https://erp.example.com/hook",
    "event_types": ["Order*"],
}
OAUTH = {"kind": "oauth2", "client_id": "erp", "client_secret": "s"}
DAILY = {"kind": "exponential", "first_delay_seconds": 86_400, "max_delay_seconds": 86_400}


def refused(**fields: Any) -> list[str]:
    spec = EndpointSpec.model_validate({**WORKING, **fields})
    with pytest.raises(InvalidError) as error:
        check_endpoint(spec, STRICT)
    return [each.field for each in error.value.violations]


def test_an_endpoint_that_works_passes() -> None:
    check_endpoint(EndpointSpec.model_validate(WORKING), STRICT)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"url": "http://erp.example.com"}, "/url"),
        ({"url": "https://169.254.169.254/latest"}, "/url"),
        ({"url": "https://user:hunter2@erp.example.com"}, "/url"),
        ({"url": "https://erp.example.com:22"}, "/url"),
        ({"url": "https://localhost"}, "/url"),
        ({"url": "https://erp.example.com/{{type}}"}, "/url"),
        ({"url": "https://erp.example.com/?t={{tpye}}"}, "/url"),
        ({"headers": {"x-type": "{{ name }}"}}, "/headers/x-type"),
        ({"headers": {"x-type": "{{type}"}}, "/headers/x-type"),
        ({"url": "https://erp.example.com/a b"}, "/url"),
        ({"auth": {**OAUTH, "token_url": "https://127.0.0.1/token"}}, "/auth/token_url"),
        ({"auth": {**OAUTH, "token_url": "http://id.example.com"}}, "/auth/token_url"),
        ({"auth": {"kind": "api_key", "header": "Host", "value": "x"}}, "/auth/header"),
        ({"condition": "data.a =="}, "/condition"),
        ({"rules": [{"entity": "tOrder", "filter": "data.["}]}, "/rules/0/filter"),
        ({"payload": {"mode": "custom", "expression": "data.["}}, "/payload/expression"),
        ({"headers": {"Content-Length": "0"}}, "/headers/Content-Length"),
        ({"headers": {"transfer-encoding": "chunked"}}, "/headers/transfer-encoding"),
        ({"headers": {"Webhook-Id": "evt_1"}}, "/headers/Webhook-Id"),
        ({"headers": {"posthorn-attempt": "1"}}, "/headers/posthorn-attempt"),
        ({"headers": {"Expect": "100-continue"}}, "/headers/Expect"),
        ({"headers": {"Proxy-Authorization": "x"}}, "/headers/Proxy-Authorization"),
        ({"headers": {"x-shop": "se", "X-Shop": "no"}}, "/headers"),
        ({"headers": {f"x-{n}": "v" * 2000 for n in range(5)}}, "/headers"),
        ({"retry": {**DAILY, "factor": 1, "max_attempts": 9}}, "/retry"),
    ],
)
def test_a_field_that_cannot_work_is_named(fields: dict[str, Any], named: str) -> None:
    assert refused(**fields) == [named]


def test_all_violations_are_reported_at_once() -> None:
    assert refused(url="http://10.0.0.1", condition="&", headers={"Host": "x"}) == [
        "/url",
        "/condition",
        "/headers/Host",
    ]


def test_an_api_key_header_beside_the_same_custom_header_is_refused() -> None:
    auth = {"kind": "api_key", "header": "X-Erp", "value": "x"}

    assert refused(auth=auth, headers={"x-erp": "y"}) == ["/headers"]


def test_values_at_the_limits_are_accepted() -> None:
    fitting = {f"x-{n}": "v" * 2041 for n in range(4)}
    assert sum(map(len, [*fitting, *fitting.values()])) <= MAX_HEADERS_BYTES
    weekly = {**DAILY, "factor": 1, "max_attempts": 8}

    check_endpoint(
        EndpointSpec.model_validate({**WORKING, "headers": fitting, "retry": weekly}), STRICT
    )


def test_a_host_with_two_spellings_is_refused_with_the_right_one() -> None:
    spec = EndpointSpec.model_validate({**WORKING, "url": "https://shop.faß.de/hook"})
    with pytest.raises(InvalidError) as error:
        check_endpoint(spec, STRICT)
    assert error.value.violations[0].message.endswith(": write it as shop.xn--fa-hia.de")


def test_a_refusal_repeats_no_password_of_a_url() -> None:
    spec = EndpointSpec.model_validate({**WORKING, "url": "https://u:hunter2@erp.example.com"})

    with pytest.raises(InvalidError) as error:
        check_endpoint(spec, STRICT)

    assert "hunter2" not in error.value.detail
