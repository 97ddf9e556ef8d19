"""API keys: storage, authorization, and the first key of a stack."""

import hashlib
import json
import re
import sys

import boto3
import pytest
from botocore.stub import Stubber

from posthorn import admin_key_cli as admin_key
from posthorn.core.errors import ForbiddenError, InvalidError, NotFoundError
from posthorn.models import ApiKey, Caller, Scope
from posthorn.tenants.api_keys import ApiKeyService, require, tenant_for
from tests.integration.conftest import new_tenant
from tests.support.world import START, World

ADMIN = Caller(key_id="phk_admin", tenant=None, scopes=(Scope.ADMIN,))
READER = Caller(key_id="phk_reader", tenant="acme", scopes=(Scope.LOGS_READ,))
KEY = re.compile(r"phk_[0-9A-HJKMNP-TV-Z]{26}_[0-9a-f]{64}")


@pytest.fixture
def access(shared: World) -> ApiKeyService:
    return shared.access


@pytest.fixture
def made(shared: World, access: ApiKeyService) -> tuple[ApiKey, str]:
    tenant = new_tenant(shared).id
    scopes = [Scope.LOGS_READ, Scope.CONFIG_READ]
    return access.create_key(name="ERP", tenant=tenant, scopes=scopes, by="phk_ops")


def test_a_key_identifies_its_caller_and_scopes(
    access: ApiKeyService, made: tuple[ApiKey, str]
) -> None:
    key, text = made

    assert KEY.fullmatch(text)
    assert access.caller(f"Bearer {text}") == Caller(
        key_id=key.id, tenant=key.tenant, scopes=(Scope.LOGS_READ, Scope.CONFIG_READ)
    )


def test_the_table_holds_a_hash_and_never_the_secret(
    shared: World, made: tuple[ApiKey, str]
) -> None:
    key, text = made
    secret = text.rpartition("_")[2]

    rows = json.dumps(shared.dynamodb.scan(TableName="ConfigTable")["Items"], default=repr)

    assert key.id in rows
    assert secret not in rows
    assert hashlib.sha256(secret.encode()).hexdigest() in rows


def test_a_key_shows_neither_secret_nor_hash_where_it_is_printed(made: tuple[ApiKey, str]) -> None:
    key, text = made

    assert text.rpartition("_")[2] not in repr(key)
    assert key.secret_sha256 not in repr(key)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_spelled_in_any_case(
    access: ApiKeyService, made: tuple[ApiKey, str], scheme: str
) -> None:
    assert access.caller(f"{scheme} {made[1]}") is not None


def test_only_the_whole_key_is_accepted(access: ApiKeyService, made: tuple[ApiKey, str]) -> None:
    key, text = made
    other = access.create_key(name="x", tenant=key.tenant, scopes=[Scope.LOGS_READ], by="me")[1]
    wrong = [
        "",
        "Bearer",
        "Bearer ",
        text,
        f"Basic {text}",
        f"Bearer {key.id}",
        f"Bearer {key.id}_",
        f"Bearer {key.id}_{'0' * 64}",
        f"Bearer {key.id}_{other.rpartition('_')[2]}",
        f"Bearer {key.id}_{key.secret_sha256}",
        f"Bearer {text[:-1]}",
        f"Bearer {text}0",
        f"Bearer {text.upper()}",
        f"Bearer {text} {text}",
        f"Bearer phk_{'0' * 26}_{text.rpartition('_')[2]}",
    ]

    assert [header for header in wrong if access.caller(header)] == []


def test_a_deleted_key_is_refused(access: ApiKeyService, made: tuple[ApiKey, str]) -> None:
    key, text = made

    access.delete_key(key.id)

    assert access.caller(f"Bearer {text}") is None
    with pytest.raises(NotFoundError):
        access.delete_key(key.id)


def test_two_keys_never_share_an_id_or_a_secret(
    access: ApiKeyService, made: tuple[ApiKey, str]
) -> None:
    first, first_text = made

    second, second_text = access.create_key(
        name=first.name, tenant=first.tenant, scopes=first.scopes, by="phk_ops"
    )

    assert first.id != second.id
    assert first_text.rpartition("_")[2] != second_text.rpartition("_")[2]


@pytest.mark.parametrize(
    ("tenant", "scopes"),
    [
        (None, [Scope.LOGS_READ]),
        ("nobody", [Scope.LOGS_READ]),
        ("No Body", [Scope.LOGS_READ]),
        ("acme", [Scope.ADMIN]),
        ("acme", [Scope.LOGS_READ, Scope.ADMIN]),
    ],
)
def test_a_key_belongs_to_a_tenant_that_exists_or_is_an_admins(
    access: ApiKeyService, tenant: str | None, scopes: list[Scope]
) -> None:
    with pytest.raises(InvalidError) as refused:
        access.create_key(name="x", tenant=tenant, scopes=scopes, by="me")

    assert [each.field for each in refused.value.violations] == ["/tenant"]


@pytest.mark.parametrize("scope", Scope)
def test_an_admin_may_do_everything(scope: Scope) -> None:
    require(ADMIN, scope)


@pytest.mark.parametrize("scope", [scope for scope in Scope if scope is not Scope.LOGS_READ])
def test_a_key_may_do_only_what_its_scopes_allow(scope: Scope) -> None:
    require(READER, Scope.LOGS_READ)
    with pytest.raises(ForbiddenError, match=scope):
        require(READER, scope)


def test_an_admin_acts_for_whom_it_names_and_everybody_else_for_themselves() -> None:
    assert tenant_for(ADMIN, "acme") == "acme"
    assert tenant_for(READER, None) == "acme"
    assert tenant_for(READER, "acme") == "acme"
    with pytest.raises(NotFoundError):
        tenant_for(READER, "other")
    for nobody in (None, ""):
        with pytest.raises(InvalidError):
            tenant_for(ADMIN, nobody)


def run_admin_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    monkeypatch.setattr(sys, "argv", ["admin_key", *arguments])
    admin_key.main()
    return capsys.readouterr().out


def test_the_command_prints_a_key_that_may_do_everything(
    access: ApiKeyService, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = run_admin_key(
        monkeypatch, capsys, "--table-name", "ConfigTable", "--name", "bootstrap"
    )

    text = printed.removesuffix("\n")
    assert KEY.fullmatch(text)
    caller = access.caller(f"Bearer {text}")
    assert caller is not None
    assert (caller.tenant, caller.scopes) == (None, (Scope.ADMIN,))
    key = access.config.key(caller.key_id)
    assert key is not None
    assert key.name == "bootstrap"


def test_the_command_finds_the_table_of_a_deployed_stack(
    access: ApiKeyService, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cloudformation, other_client = boto3.client("cloudformation"), boto3.client
    stack = Stubber(cloudformation)
    detail = {
        "LogicalResourceId": "ConfigTable",
        "PhysicalResourceId": "ConfigTable",
        "ResourceType": "AWS::DynamoDB::Table",
        "ResourceStatus": "CREATE_COMPLETE",
        "LastUpdatedTimestamp": START,
    }
    stack.add_response(
        "describe_stack_resource",
        {"StackResourceDetail": detail},
        {"StackName": "posthorn", "LogicalResourceId": "ConfigTable"},
    )
    stack.activate()
    monkeypatch.setattr(
        boto3,
        "client",
        lambda name: cloudformation if name == "cloudformation" else other_client(name),
    )

    printed = run_admin_key(monkeypatch, capsys, "--stack-name", "posthorn")

    assert access.caller(f"Bearer {printed.strip()}") is not None
    stack.assert_no_pending_responses()
