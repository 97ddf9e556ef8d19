"""One world for all tests of a module, where a fresh one each would cost half a second.

They are kept apart as customers are: each test has a tenant of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pytest

from posthorn.models import Scope
from tests.support.http_client import Client
from tests.support.invocations import deployed
from tests.support.world import World, world

ALL_SCOPES = tuple(scope for scope in Scope if scope is not Scope.ADMIN)
_numbers = count(1)


@dataclass(frozen=True)
class Tenant:
    """A tenant in the shared world, and how its own program calls the API."""

    id: str
    world: World
    client: Client

    def client_with(self, *scopes: Scope) -> Client:
        _, key = self.world.access.create_key(name="some", tenant=self.id, scopes=scopes, by="me")
        return Client(key)


@pytest.fixture(scope="module")
def shared() -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
        with world() as one, deployed(one.settings):
            yield one


@pytest.fixture
def tenant(shared: World) -> Tenant:
    return new_tenant(shared)


@pytest.fixture(scope="module")
def common(shared: World) -> Tenant:
    """One tenant for all tests of a module that leave nothing behind."""
    return new_tenant(shared)


@pytest.fixture
def stranger(shared: World) -> Tenant:
    return new_tenant(shared)


@pytest.fixture
def admin(shared: World) -> Client:
    _, key = shared.access.create_key(name="ops", tenant=None, scopes=[Scope.ADMIN], by="me")
    return Client(key)


def new_tenant(world: World) -> Tenant:
    tenant_id = f"tenant-{next(_numbers)}"
    world.tenancy.put(tenant_id, name=tenant_id)
    _, key = world.access.create_key(name="all", tenant=tenant_id, scopes=ALL_SCOPES, by="me")
    return Tenant(tenant_id, world, Client(key))
