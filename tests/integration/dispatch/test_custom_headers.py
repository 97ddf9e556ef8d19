"""Headers of the endpoint: what they replace, and who gets them."""

from tests.support.world import TENANT, World

CUSTOM = {
    "Content-Type": "application/vnd.shop+json",
    "User-Agent": "Shop/1",
    "ce-secret": "s3cret",
}


def test_content_type_and_user_agent_can_be_replaced(world: World) -> None:
    endpoint = world.endpoint(headers=CUSTOM)
    world.publish()
    world.take_events()

    (sent,) = world.sent
    assert sent.headers["content-type"] == "application/vnd.shop+json"
    assert sent.headers["user-agent"] == "Shop/1"
    (delivery,) = world.deliveries()
    _, record = world.reader.delivery(TENANT, delivery.id)
    logged = record.attempts[-1].request.headers
    assert logged["content-type"] == "application/vnd.shop+json"
    assert logged["user-agent"] == "Shop/1"
    assert endpoint.headers["Content-Type"] == "application/vnd.shop+json"


def test_only_headers_of_posthorn_go_to_another_origin(world: World) -> None:
    auth = {"kind": "api_key", "header": "accept", "value": "s3cret"}
    world.endpoint(headers=CUSTOM, auth=auth)
    world.publish()
    world.take_events()

    (sent,) = world.sent
    assert sent.headers["ce-secret"] == sent.headers["accept"] == "s3cret"
    elsewhere = sent.headers_elsewhere
    assert elsewhere["content-type"] == "application/json"
    assert elsewhere["user-agent"].startswith("Posthorn/")
    assert elsewhere["webhook-signature"] == sent.headers["webhook-signature"]
    assert elsewhere.keys() & {"ce-secret", "accept"} == set()
