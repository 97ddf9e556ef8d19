"""Lifetime and rights of a console session."""

from datetime import timedelta
from typing import Any

import pytest

from posthorn.models import Scope
from posthorn.tenants.console_sessions import IDLE, LONGEST, Session, SessionAccess, SessionStore
from tests.support.world import TENANT, World


@pytest.fixture
def sessions(world: World) -> SessionStore:
    return SessionStore(
        world.log_table, world.config, now=world.clock, random_bytes=world.random_bytes
    )


def begun(world: World, sessions: SessionStore, **options: Any) -> tuple[Session, str]:
    _, key = world.access.create_key(
        name="some", tenant=TENANT, scopes=[Scope.CONFIG_READ, Scope.CONFIG_WRITE], by="me"
    )
    caller = world.access.caller(f"Bearer {key}")
    assert caller
    return sessions.begin(caller, **options)


def test_a_session_lives_while_it_is_used_but_not_longer_than_a_day(
    world: World, sessions: SessionStore
) -> None:
    _, session_id = begun(world, sessions)
    start = world.now
    lived = timedelta()

    while sessions.find(session_id):
        lived = world.now - start
        world.later(hours=1)

    assert lived == LONGEST - timedelta(hours=1)


def test_a_session_ends_when_it_is_not_used(world: World, sessions: SessionStore) -> None:
    _, session_id = begun(world, sessions)

    world.now += IDLE - timedelta(seconds=1)
    assert sessions.find(session_id)
    world.now += IDLE
    assert sessions.find(session_id) is None


def test_the_table_forgets_a_session_when_it_has_ended(
    world: World, sessions: SessionStore
) -> None:
    session, _ = begun(world, sessions, ends_at=world.now + timedelta(hours=1))

    item = world.log_table.get({"pk": f"sessions#{session.digest}", "sk": "session"})

    assert item
    assert item["expires_at"] == int(world.now.timestamp()) + 3600


def test_a_session_that_was_ended_meanwhile_does_not_come_back(
    world: World, sessions: SessionStore
) -> None:
    session, session_id = begun(world, sessions)
    world.later(hours=1)

    sessions.end(session)
    sessions.act_for(session.model_copy(update={"scopes": (Scope.ADMIN,)}), "acme")

    assert sessions.find(session_id) is None


def test_a_read_only_session_may_read_all_that_its_key_may_read(
    world: World, sessions: SessionStore
) -> None:
    session, _ = begun(world, sessions, access=SessionAccess.READ_ONLY)

    assert session.may(Scope.CONFIG_READ)
    assert not session.may(Scope.CONFIG_WRITE)
    assert not session.model_copy(update={"scopes": (Scope.ADMIN,)}).may(Scope.ADMIN)
