"""Secrets are removed from an endpoint before it is stored or shown."""

from typing import Any

import pytest

from posthorn.core.errors import InvalidError
from posthorn.endpoints import secret_masking as secrecy
from posthorn.models import MASK, EndpointSpec

SECRET = "hunter2-hunter2"  # noqa: S105 - of a test
AUTHS: list[tuple[dict[str, Any], str]] = [
    ({"kind": "basic", "username": "erp", "password": SECRET}, "password"),
    ({"kind": "bearer", "token": SECRET}, "token"),
    ({"kind": "api_key", "header": "x-erp", "value": SECRET}, "value"),
    (
        {
            "kind": "oauth2",
            "token_url": "https://id.example.com/token",
            "client_id": "erp",
            "client_secret": SECRET,
        },
        "client_secret",
    ),
]


def spec(**fields: Any) -> EndpointSpec:
    return EndpointSpec.model_validate(
        {"name": "ERP", "url": "https://erp.example.com", "event_types": ["*"], **fields}
    )


def taken_out(
    given: EndpointSpec, auth: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> tuple[EndpointSpec, dict[str, str], dict[str, str]]:
    return secrecy.extract_secrets(given, kept_auth=auth or {}, kept_headers=headers or {})


@pytest.mark.parametrize(("auth", "name"), AUTHS)
def test_the_secret_of_an_auth_is_replaced_by_a_mask(auth: dict[str, Any], name: str) -> None:
    shown, secrets, _ = taken_out(spec(auth=auth))

    assert SECRET not in shown.model_dump_json()
    assert shown.auth.model_dump()[name] == MASK
    assert secrets == {name: SECRET}


@pytest.mark.parametrize(("auth", "name"), AUTHS)
def test_a_mask_that_comes_back_keeps_the_secret(auth: dict[str, Any], name: str) -> None:
    shown, _, _ = taken_out(spec(auth=auth))

    again, secrets, _ = taken_out(shown, auth={name: SECRET})

    assert again == shown
    assert secrets == {name: SECRET}


@pytest.mark.parametrize(("auth", "name"), AUTHS)
def test_a_mask_without_a_stored_secret_is_refused_by_its_field(
    auth: dict[str, Any], name: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        taken_out(spec(auth={**auth, name: MASK}), auth={"another": SECRET})

    assert [each.field for each in refused.value.violations] == [f"/auth/{name}"]


@pytest.mark.parametrize(
    "header",
    ["Authorization", "X-Api-Key", "x-auth", "Cookie", "X-Session-Token", "client-secret"],
)
def test_headers_that_look_secret_are_kept_apart(header: str) -> None:
    shown, _, secrets = taken_out(spec(headers={header: SECRET, "x-shop": "se"}))

    assert shown.headers == {header: MASK, "x-shop": "se"}
    assert secrets == {header: SECRET}


def test_the_log_shows_the_signature_but_no_secret() -> None:
    headers = {
        "webhook-signature": "v1,abc",
        "authorization": f"Bearer {SECRET}",
        "x-erp": SECRET,
        "content-type": "application/json",
    }

    assert secrecy.masked(headers, also="X-ERP") == {
        "webhook-signature": "v1,abc",
        "authorization": MASK,
        "x-erp": MASK,
        "content-type": "application/json",
    }


@pytest.mark.parametrize("value", [MASK, f"Bearer {MASK}", "•"])
@pytest.mark.parametrize("header", ["x-shop", "x-api-key"])
def test_a_mask_without_a_stored_secret_is_never_sent_to_an_endpoint(
    header: str, value: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        taken_out(spec(headers={header: value}))

    assert [each.field for each in refused.value.violations] == [f"/headers/{header}"]


def test_a_secret_does_not_show_when_an_endpoint_is_refused() -> None:
    with pytest.raises(InvalidError) as refused:
        taken_out(spec(auth={"kind": "bearer", "token": f"{SECRET}•"}))

    assert SECRET not in str(refused.value)
