"""What is asked and answered about an endpoint before it is used: preview, test, dry run.

An example in each model that a request or an answer is made of; the API's documentation shows them.
"""

from typing import Any, Self

from pydantic import Field, model_validator

from posthorn.core import api_examples as examples
from posthorn.deliveries.views import AttemptView
from posthorn.models import Change, EndpointSpec, Model, SentRequest, Time, TypeName
from posthorn.subscriptions.matching import Verdict

_NOT_SAVED = "signs for this draft alone; there only when the endpoint is not saved"
MAX_EXAMINED = 500


# --- asked ----------------------------------------------------------------------------------------


class SampleEvent(Model):
    """An event as its publisher would write it."""

    model_config = examples.shown(examples.EVENT)

    type: TypeName
    data: dict[str, Any]
    time: Time | None = None
    change: Change | None = None


class EndpointTestSpec(Model):
    """Which event to try: a written one, one of the log, or a type's example.

    With none of the three, it is the example of the first type that the endpoint wants.
    """

    event: SampleEvent | None = None
    event_type: TypeName | None = Field(default=None, description="its example")
    event_id: str | None = Field(default=None, description="an event of the log")

    @model_validator(mode="after")
    def _one_event(self) -> Self:
        if sum(each is not None for each in (self.event, self.event_type, self.event_id)) > 1:
            raise ValueError("give one of event, event_type and event_id")
        return self


class SavedEndpointTestSpec(EndpointTestSpec):
    """`changes` are tried on top of what is saved, as PATCH would make them."""

    model_config = examples.shown(
        {"event": examples.EVENT},
        {"event_id": examples.EVENT_ID, "changes": examples.CONDITION_PATCH},
    )

    changes: dict[str, Any] = Field(default={})


class UnsavedEndpointTestSpec(EndpointTestSpec):
    model_config = examples.shown(
        {"endpoint": examples.ENDPOINT_SPEC, "event_type": "OrderReceivedEvent"}
    )

    endpoint: EndpointSpec


class DryRunSpec(Model):
    limit: int = Field(
        default=100, ge=1, le=MAX_EXAMINED, description="how many of the last events to examine"
    )


class SavedDryRunSpec(DryRunSpec):
    """`changes` are tried on top of what is saved, and compared with it."""

    model_config = examples.shown({"changes": examples.CONDITION_PATCH, "limit": 200})

    changes: dict[str, Any] = Field(default={})


class UnsavedDryRunSpec(DryRunSpec):
    model_config = examples.shown({"endpoint": examples.ENDPOINT_SPEC})

    endpoint: EndpointSpec


# --- answered -------------------------------------------------------------------------------------


class PreviewedRequest(SentRequest):
    body: str


class PreviewView(Model):
    """Whether the event would be delivered if the endpoint were enabled, and what would be sent."""

    model_config = examples.shown(
        {
            "event_id": examples.EVENT_ID,
            "event_type": "OrderReceivedEvent",
            "matches": True,
            "verdict": "matched",
            "reason": None,
            "request": examples.REQUEST,
            "payload_error": None,
            "signing_secret": None,
        }
    )

    event_id: str
    event_type: str
    matches: bool
    verdict: Verdict
    reason: str | None
    request: PreviewedRequest | None = Field(description="none when no payload can be made")
    payload_error: str | None
    signing_secret: str | None = Field(default=None, description=_NOT_SAVED)


class EndpointTestView(Model):
    """What came back from a test. It is in the log, by its ids, when a saved version was tested."""

    model_config = examples.shown(
        {
            "passed": False,
            "matches": True,
            "reason": None,
            "event_id": examples.EVENT_ID,
            "delivery_id": examples.DELIVERY_ID,
            "attempt": {**examples.ATTEMPT, "trigger": "test"},
            "signing_secret": None,
        }
    )

    passed: bool
    matches: bool
    reason: str | None = Field(description="why the event would not be delivered by itself")
    event_id: str
    delivery_id: str | None
    attempt: AttemptView
    signing_secret: str | None = Field(default=None, description=_NOT_SAVED)


class SampleView(Model):
    """One of the events that match, and its payload or why there is none."""

    event_id: str
    event_type: str
    time: Time
    payload: str | None
    payload_error: str | None


class MismatchView(Model):
    """An event that only one of two versions matches, and why the other one does not."""

    event_id: str
    event_type: str
    time: Time
    reason: str | None


class ComparisonView(Model):
    """The saved version beside the changed one. Lists end at 20, counts do not."""

    matched_before: int
    only_before_count: int
    only_after_count: int
    other_payload_count: int = Field(description="events that match both, with another payload")
    only_before: list[MismatchView]
    only_after: list[MismatchView]


class DryRunView(Model):
    """What the draft would have made of the tenant's last events, were it enabled."""

    model_config = examples.shown(
        {
            "examined": 100,
            "complete": True,
            "oldest_at": "2026-11-22T10:00:00.000Z",
            "matched": 40,
            "not_matched": {"type_not_wanted": 50, "condition_not_met": 10},
            "payload_errors": 0,
            "samples": [
                {
                    "event_id": examples.EVENT_ID,
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
    complete: bool = Field(description="false when time ran out before all were examined")
    oldest_at: Time | None = Field(description="when the oldest examined event was accepted")
    matched: int
    not_matched: dict[Verdict, int]
    payload_errors: int
    samples: list[SampleView]
    comparison: ComparisonView | None = Field(description="when changes of an endpoint were tried")
