"""The requests and answers of preview, test and dry run."""

from typing import Any, Self

from pydantic import Field, model_validator

from posthorn.core import api_examples
from posthorn.deliveries.views import AttemptView
from posthorn.models import Change, ConfigWarning, EndpointSpec, Model, SentRequest, Time, TypeName
from posthorn.subscriptions.matching import Verdict

_WARNINGS = "Settings that are valid and probably mistaken"
_NOT_SAVED = "The signing secret of this draft; null for a saved endpoint"
MAX_EXAMINED = 500


# --- requests -------------------------------------------------------------------------------------


class SampleEvent(Model):
    """An event as it would be published."""

    model_config = api_examples.shown(api_examples.EVENT)

    type: TypeName
    data: Any
    time: Time | None = None
    change: Change | None = None


class EndpointTestSpec(Model):
    """The event to test with: one in the request, one of the log, or the example of a type.

    With none of the three, it is the example of the first type that the endpoint receives.
    """

    event: SampleEvent | None = None
    event_type: TypeName | None = Field(
        default=None, description="Test with the example of this type"
    )
    event_id: str | None = Field(default=None, description="Test with this event of the log")

    @model_validator(mode="after")
    def _one_event(self) -> Self:
        if sum(each is not None for each in (self.event, self.event_type, self.event_id)) > 1:
            raise ValueError("only one of event, event_type and event_id is allowed")
        return self


class SavedEndpointTestSpec(EndpointTestSpec):
    """`changes` apply to the saved endpoint for this test, as in a PATCH."""

    model_config = api_examples.shown(
        {"event": api_examples.EVENT},
        {"event_id": api_examples.EVENT_ID, "changes": api_examples.CONDITION_PATCH},
    )

    changes: dict[str, Any] = Field(default={})


class UnsavedEndpointTestSpec(EndpointTestSpec):
    model_config = api_examples.shown(
        {"endpoint": api_examples.ENDPOINT_SPEC, "event_type": "OrderReceivedEvent"}
    )

    endpoint: EndpointSpec


class DryRunSpec(Model):
    limit: int = Field(
        default=100, ge=1, le=MAX_EXAMINED, description="How many of the latest events to examine"
    )


class SavedDryRunSpec(DryRunSpec):
    """`changes` apply to the saved endpoint for this run, which compares both."""

    model_config = api_examples.shown({"changes": api_examples.CONDITION_PATCH, "limit": 200})

    changes: dict[str, Any] = Field(default={})


class UnsavedDryRunSpec(DryRunSpec):
    model_config = api_examples.shown({"endpoint": api_examples.ENDPOINT_SPEC})

    endpoint: EndpointSpec


# --- answers --------------------------------------------------------------------------------------


class PreviewedRequest(SentRequest):
    body: str


class PreviewView(Model):
    """Whether an enabled endpoint would receive the event, and the request it would receive."""

    model_config = api_examples.shown(
        {
            "event_id": api_examples.EVENT_ID,
            "event_type": "OrderReceivedEvent",
            "matches": True,
            "verdict": "matched",
            "reason": None,
            "request": {**api_examples.REQUEST, "body": api_examples.BODY},
            "payload_error": None,
            "warnings": [],
            "signing_secret": None,
        }
    )

    event_id: str
    event_type: str
    matches: bool
    verdict: Verdict
    reason: str | None
    request: PreviewedRequest | None = Field(description="Null when no payload can be made")
    payload_error: str | None
    warnings: list[ConfigWarning] = Field(description=_WARNINGS)
    signing_secret: str | None = Field(default=None, description=_NOT_SAVED)


class EndpointTestView(Model):
    """The result of a test. It is in the log under its ids when a saved version was tested."""

    model_config = api_examples.shown(
        {
            "passed": False,
            "matches": True,
            "reason": None,
            "event_id": api_examples.EVENT_ID,
            "delivery_id": api_examples.DELIVERY_ID,
            "attempt": {**api_examples.ATTEMPT, "trigger": "test"},
            "body": api_examples.BODY,
            "warnings": [api_examples.CONFIG_WARNING],
            "signing_secret": None,
        }
    )

    passed: bool
    matches: bool
    reason: str | None = Field(description="Why this event, if published, would not be delivered")
    event_id: str
    delivery_id: str | None
    attempt: AttemptView
    body: str | None = Field(description="The body of the request")
    warnings: list[ConfigWarning] = Field(description=_WARNINGS)
    signing_secret: str | None = Field(default=None, description=_NOT_SAVED)


class SampleView(Model):
    """A matching event, with its payload or the reason why there is none."""

    event_id: str
    event_type: str
    time: Time
    payload: str | None
    payload_error: str | None


class MismatchView(Model):
    """An event that matches only one of two versions, and why it does not match the other."""

    event_id: str
    event_type: str
    time: Time
    reason: str | None


class ComparisonView(Model):
    """The saved and the changed version compared. Lists have at most 20 events, counts all."""

    matched_before: int
    only_before_count: int
    only_after_count: int
    other_payload_count: int = Field(description="Events that match both, with different payloads")
    only_before: list[MismatchView]
    only_after: list[MismatchView]


class DryRunView(Model):
    """The result of the tenant's latest events for the draft, as if it had been enabled."""

    model_config = api_examples.shown(
        {
            "examined": 100,
            "complete": True,
            "oldest_at": "2026-11-22T10:00:00.000Z",
            "matched": 40,
            "not_matched": {"type_not_wanted": 50, "condition_not_met": 10},
            "payload_errors": 0,
            "samples": [
                {
                    "event_id": api_examples.EVENT_ID,
                    "event_type": "OrderReceivedEvent",
                    "time": "2026-11-23T10:00:00.000Z",
                    "payload": '{"type":"OrderReceivedEvent","data":{"ClientId":1}}',
                    "payload_error": None,
                }
            ],
            "comparison": None,
        }
    )

    examined: int
    complete: bool = Field(description="False when the time limit was reached before the end")
    oldest_at: Time | None = Field(description="When the oldest examined event was accepted")
    matched: int
    not_matched: dict[Verdict, int]
    payload_errors: int
    samples: list[SampleView]
    comparison: ComparisonView | None = Field(description="Only for changes of a saved endpoint")
