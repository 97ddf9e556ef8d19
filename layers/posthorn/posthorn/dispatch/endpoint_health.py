"""Record the health of endpoints: failing, slow, certificate expiry; disable after 5 days."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from posthorn.aws.config_table import ConfigStore
from posthorn.aws.eventbridge import Announcement, Announcer
from posthorn.core.errors import StaleVersionError
from posthorn.deliveries.state import asks_to_stop
from posthorn.egress.advice import EXPIRY_NOTICE
from posthorn.models import Attempt, DisabledBy, Endpoint, EndpointStatus, Health, Outcome, iso

DISABLE_AFTER = timedelta(days=5)  # of failures without one success
WARN_AFTER = DISABLE_AFTER / 2
BY_US = "posthorn"  # `updated_by` of versions written here; otherwise it is a key id
_TIMEOUTS = frozenset({Outcome.TIMEOUT_CONNECT, Outcome.TIMEOUT_READ})


@dataclass(frozen=True)
class EndpointHealth:
    config: ConfigStore
    announcer: Announcer
    now: Callable[[], datetime]

    def record_attempt(self, endpoint: Endpoint, attempt: Attempt) -> None:
        """Write the endpoint's health if the attempt changed it; a healthy one costs no write."""
        if attempt.outcome is Outcome.SUCCEEDED:
            after = Health(certificate_expires_at=_expires_soon(endpoint, attempt))
            if after != endpoint.health:
                self.config.put_health(endpoint, after)
        elif asks_to_stop(attempt):
            self._disable(endpoint, DisabledBy.GONE, "it answered 410 Gone")
        elif attempt.outcome is not Outcome.PAYLOAD_ERROR:
            self._failed(endpoint, attempt)

    def _failed(self, endpoint: Endpoint, attempt: Attempt) -> None:
        before = endpoint.health
        since = before.failing_since or attempt.started_at
        failing_for = attempt.started_at - since
        if failing_for >= DISABLE_AFTER:
            self._disable(endpoint, DisabledBy.FAILING, f"every attempt since {iso(since)} failed")
            return
        slow = before.slow or attempt.outcome in _TIMEOUTS
        warned = before.warned or failing_for >= WARN_AFTER
        after = Health(
            failing_since=since,
            slow=slow,
            warned=warned,
            certificate_expires_at=_expires_soon(endpoint, attempt),
        )
        written = after != before and self.config.put_health(endpoint, after)
        if written and warned and not before.warned:
            facts = {"failing_since": iso(since), "disabled_at": iso(since + DISABLE_AFTER)}
            self._announce(Announcement.ENDPOINT_FAILING, endpoint, **facts)

    def _disable(self, attempted: Endpoint, by: DisabledBy, reason: str) -> None:
        """Disable the endpoint unless it was changed since this attempt began."""
        disabled = attempted.model_copy(
            update={
                "status": EndpointStatus.DISABLED,
                "status_reason": reason,
                "disabled_by": by,
                "version": attempted.version + 1,
                "updated_at": self.now(),
                "updated_by": BY_US,
            }
        )
        try:
            self.config.change_endpoint(disabled)
        except StaleVersionError:
            return  # changed by its owner, or disabled by another attempt, which announced it
        self._announce(Announcement.ENDPOINT_DISABLED, disabled, by=by.value, reason=reason)

    def _announce(self, kind: Announcement, endpoint: Endpoint, **facts: str) -> None:
        whose = {
            "tenant": endpoint.tenant,
            "endpoint_id": endpoint.id,
            "endpoint_name": endpoint.name,
        }
        self.announcer.announce(kind, {**whose, **facts})


def _expires_soon(endpoint: Endpoint, attempt: Attempt) -> datetime | None:
    """The expiry of the certificate if it is soon; the known value if the attempt saw none."""
    seen = attempt.certificate_expires_at
    if seen is None:
        return endpoint.health.certificate_expires_at
    return seen if seen - attempt.started_at <= EXPIRY_NOTICE else None
