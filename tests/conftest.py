"""Fixtures of all tests: fake AWS credentials, and a world with a clock."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.world import World, world

# A busy machine is not a failure.
settings.register_profile("posthorn", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("posthorn")


@pytest.fixture(autouse=True)
def _nobodys_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")


@pytest.fixture(name="world")
def _world(_nobodys_account: None) -> Iterator[World]:
    with world() as one:
        yield one
