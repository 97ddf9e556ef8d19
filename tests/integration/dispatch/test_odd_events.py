"""The dispatcher handles every event at every endpoint, including unusual and outdated data."""

from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthorn.dispatch.dispatcher import MessageContext
from posthorn.dispatch.tenant_cache import TenantConfig
from posthorn.models import Change, Endpoint, Rule
from tests.support.world import TENANT, World
from tests.unit.samples import changes, event, json_objects, stored

rules = st.builds(
    Rule,
    entity=st.sampled_from(["tOrder", "tClientCustomer"]),
    on_update=st.booleans(),
    filter=st.none() | stored,
)
_numbers = count(1)


@pytest.fixture(scope="module")
def endpoint(shared: World) -> Endpoint:
    return shared.endpoint()


@settings(max_examples=40, deadline=None)
@given(
    condition=st.none() | stored,
    filters=st.lists(rules, max_size=2).map(tuple),
    status=st.sampled_from(["enabled", "paused", "disabled"]),
    data=json_objects,
    change=st.none() | changes,
)
def test_no_event_and_no_stored_condition_make_the_dispatcher_raise(
    shared: World,
    endpoint: Endpoint,
    condition: str | None,
    filters: tuple[Rule, ...],
    status: str,
    data: dict[str, Any],
    change: Change | None,
) -> None:
    odd = endpoint.model_copy(update={"condition": condition, "rules": filters, "status": status})
    published = event(data, id=f"evt_{next(_numbers):026d}", tenant=TENANT, change=change)
    context = MessageContext(
        published.id,
        lambda tenant: TenantConfig(shared.tenancy.limits(tenant), (odd,)),
        lambda: 60.0,
        shared.attempts.append,
    )

    shared.dispatcher.take_event(published, context)

    history = shared.log.history(TENANT, published.id)
    assert history is not None
    assert [each.endpoint_id for each in history.decisions] == [endpoint.id]
