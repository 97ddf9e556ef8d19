"""Preview and test of an endpoint: a preview sends nothing, a test sends one request."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from posthorn.aws.config_table import ConfigStore
from posthorn.deliveries import state, views
from posthorn.deliveries.store import Claim, LogStore, Record, StoredBody
from posthorn.dispatch.attempt import Attempter, CompletedAttempt
from posthorn.endpoint_tests.drafts import Draft
from posthorn.endpoint_tests.sample_events import SampleEvents
from posthorn.endpoint_tests.views import (
    EndpointTestSpec,
    EndpointTestView,
    PreviewedRequest,
    PreviewView,
)
from posthorn.models import (
    Delivery,
    EffectiveLimits,
    Endpoint,
    EndpointStatus,
    Event,
    Outcome,
    Task,
    Trigger,
)
from posthorn.subscriptions.matching import Decision, Verdict, decide
from posthorn.subscriptions.payloads import PayloadError
from posthorn.tenants.rate_limits import RateLimits

MAX_SECONDS = 25.0  # an HTTP API gives up after 30


@dataclass(frozen=True)
class EndpointTester:
    config: ConfigStore
    log: LogStore
    events: SampleEvents
    rate_limits: RateLimits
    limits: Callable[[str], EffectiveLimits]
    attempter: Attempter
    now: Callable[[], datetime]

    def preview(self, draft: Draft, spec: EndpointTestSpec) -> PreviewView:
        """Whether the event matches, and the exact request. Nothing is sent or stored."""
        endpoint = draft.endpoint
        event = self.events.chosen(spec, endpoint, tenant=endpoint.tenant)
        decision = decide_enabled(endpoint, event)
        request, error = None, None
        try:
            sent, body = self.attempter.preview(event, endpoint)
            request = PreviewedRequest(**sent.model_dump(), body=body)
        except PayloadError as refusal:
            error = refusal.detail
        return PreviewView(
            event_id=event.id,
            event_type=event.type,
            matches=decision.verdict is Verdict.MATCHED,
            verdict=decision.verdict,
            reason=decision.reason,
            request=request,
            payload_error=error,
            warnings=list(endpoint.warnings),
            signing_secret=draft.signing_secret,
        )

    def test(self, draft: Draft, spec: EndpointTestSpec, *, by: str) -> EndpointTestView:
        """Send the event once, also when the endpoint is not enabled or the event does not match.

        The result changes neither status nor health of the endpoint. It is recorded when the saved
        version was tested. LimitedError when the tenant has reached its tests per minute.
        """
        timeout = min(draft.endpoint.timeout_seconds, MAX_SECONDS)
        endpoint = draft.endpoint.model_copy(update={"timeout_seconds": timeout})
        event = self.events.chosen(spec, endpoint, tenant=endpoint.tenant)
        if spec.event_id is not None:
            event = self.events.copy(event)
        decision = decide_enabled(endpoint, event)
        limits = self.limits(endpoint.tenant)
        now = self.now()
        self.rate_limits.count(
            endpoint.tenant, "tests", per_minute=limits.tests_per_minute, now=now
        )
        fresh = state.begun(
            event,
            endpoint.id,
            endpoint.version,
            created_at=now,
            expires_at=now + limits.retention,
            test=True,
        )
        task = Task(
            tenant=event.tenant,
            event_id=event.id,
            endpoint_id=endpoint.id,
            attempt=1,
            trigger=Trigger.TEST,
            by=by,
        )
        made = self.attempter.attempt(event, endpoint, Record(fresh, StoredBody()), task)
        delivery = state.tested(
            fresh.model_copy(update={"body_sha256": made.body_sha256}), made.attempt
        )
        if not draft.is_changed:
            self._record(event, decision, delivery, endpoint, made)
        return EndpointTestView(
            passed=made.attempt.outcome is Outcome.SUCCEEDED,
            matches=decision.verdict is Verdict.MATCHED,
            reason=decision.reason,
            event_id=event.id,
            delivery_id=None if draft.is_changed else delivery.id,
            attempt=views.of_attempt(made.attempt),
            body=views.sent_body(event, Record(delivery, made.body)),
            warnings=list(endpoint.warnings),
            signing_secret=draft.signing_secret,
        )

    def _record(
        self,
        event: Event,
        decision: Decision,
        delivery: Delivery,
        endpoint: Endpoint,
        made: CompletedAttempt,
    ) -> None:
        claim = Claim(event.id, now=delivery.created_at, until=delivery.created_at)
        self.log.claim_event(event, (decision,), claim, expires_at=delivery.expires_at, test=True)
        self.log.put_delivery(delivery, made.body, attempt=made.attempt)
        if made.attempt.outcome is Outcome.SUCCEEDED:
            self.config.put_tested(endpoint)


def decide_enabled(endpoint: Endpoint, event: Event) -> Decision:
    """The decision about the event for the endpoint as if it were enabled."""
    return decide(endpoint.model_copy(update={"status": EndpointStatus.ENABLED}), event)


def logged(draft: Draft, done: EndpointTestView, *, by: str) -> dict[str, Any]:
    """The fields of the log line about a test; they hold no part of the request or response."""
    return {
        "tenant": draft.endpoint.tenant,
        "endpoint_id": draft.saved and draft.saved.id,
        "delivery_id": done.delivery_id,
        "outcome": done.attempt.outcome,
        "duration_ms": done.attempt.duration_ms,
        "key_id": by,
    }
