"""Operational events on EventBridge (docs/operations.md)."""

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from posthorn.core.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "posthorn"


class Announcement(StrEnum):
    """The `detail-type` of an operational event."""

    ENDPOINT_FAILING = "EndpointFailing"  # half of the time until it is disabled
    ENDPOINT_DISABLED = "EndpointDisabled"  # by Posthorn
    DELIVERY_DEAD = "DeliveryDead"
    PUBLICATION_REFUSED = "PublicationRefused"  # the id of an event with other content


class Announcer:
    """Puts events on a bus; does nothing without one."""

    def __init__(self, client: "EventBridgeClient", bus_name: str) -> None:
        self._client = client
        self._bus_name = bus_name

    def announce(self, kind: Announcement, detail: dict[str, Any]) -> None:
        """Return after EventBridge has accepted the event; raise UnavailableError."""
        if not self._bus_name:
            return
        try:
            answer = self._client.put_events(
                Entries=[
                    {
                        "EventBusName": self._bus_name,
                        "Source": SOURCE,
                        "DetailType": kind.value,
                        "Detail": json.dumps(detail),
                    }
                ]
            )
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError("the event bus did not answer") from error
        if answer["FailedEntryCount"]:
            raise UnavailableError("the event bus did not accept the event")
