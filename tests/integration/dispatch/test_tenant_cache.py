"""A batch reads a tenant's stamp once, and its endpoints only if the stamp moved."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from posthorn.dispatch.tenant_cache import MAX_AGE
from tests.support.faults import failing
from tests.support.world import TENANT, World


def test_ten_messages_of_a_batch_read_the_stamp_and_the_endpoints_once(world: World) -> None:
    world.endpoint()
    with failing(world, {}) as made, ThreadPoolExecutor(10) as pool:
        tenant = world.tenant_cache.for_batch()
        configs = list(pool.map(lambda _: tenant(TENANT), range(10)))

    assert len({id(each) for each in configs}) == 1
    assert Counter(made) == {"GetItem": 1, "Query": 1}


def test_the_next_batch_reads_the_stamp_alone(world: World) -> None:
    world.endpoint()
    world.tenant_cache.for_batch()(TENANT)
    with failing(world, {}) as made:
        config = world.tenant_cache.for_batch()(TENANT)

    assert len(config.endpoints) == 1
    assert Counter(made) == {"GetItem": 1}


def test_every_change_of_an_endpoint_is_seen_by_the_next_batch(world: World) -> None:
    def names() -> list[str]:
        return [each.name for each in world.tenant_cache.for_batch()(TENANT).endpoints]

    assert names() == []
    endpoint = world.endpoint("one")
    assert names() == ["one"]
    world.configuration.change(TENANT, endpoint.id, {"name": "two"}, by="phk_test")
    assert names() == ["two"]
    current = world.config.endpoint(TENANT, endpoint.id)
    assert current is not None
    world.config.put_health(current, current.health.model_copy(update={"slow": True}))
    (seen,) = world.tenant_cache.for_batch()(TENANT).endpoints
    assert seen.health.slow
    world.configuration.delete(TENANT, endpoint.id, by="phk_test")
    assert names() == []


def test_what_was_read_is_read_again_after_a_minute(world: World) -> None:
    world.endpoint()
    world.tenant_cache.for_batch()(TENANT)
    world.now += MAX_AGE + timedelta(seconds=1)
    with failing(world, {}) as made:
        world.tenant_cache.for_batch()(TENANT)

    assert Counter(made) == {"GetItem": 1, "Query": 1}


def test_a_new_name_of_the_tenant_keeps_the_stamp(world: World) -> None:
    world.endpoint()
    _, before = world.config.stamped_tenant(TENANT)
    world.tenancy.put(TENANT, name="Renamed")

    tenant, after = world.config.stamped_tenant(TENANT)

    assert tenant is not None
    assert (tenant.name, after) == ("Renamed", before)


def test_a_batch_decrypts_each_secret_once_under_ten_threads(world: World) -> None:
    endpoint = world.endpoint()
    with failing(world, {}) as made, ThreadPoolExecutor(10) as pool:
        list(
            pool.map(
                lambda _: world.vault.open(endpoint.sealed, tenant=TENANT, endpoint_id=endpoint.id),
                range(10),
            )
        )

    assert Counter(made) == {"Decrypt": 1}
