"""What is left of an event once its payload is erased: the facts of its deliveries, no content.

Gone is all that holds or may repeat the payload: data, change and warnings of the event, reasons of
conditions and rules, bodies, the headers and bodies that came back, and advice, which quotes them.
So are signatures: with a public key, a guess at the payload could be checked against one.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from posthorn.models import Attempt, Erasure, Event, Response
from posthorn.subscriptions.matching import Decision, Verdict

_QUOTING = frozenset({Verdict.CONDITION_NOT_MET, Verdict.RULE_NOT_MET})
_SIGNATURE = "webhook-signature"


def begun(event: Event, bodies: Mapping[str, bytes], *, at: datetime, by: str) -> Erasure:
    """What is told of the payload afterwards; `bodies` of its deliveries, by endpoint."""
    written = json.dumps(event.data, separators=(",", ":"), ensure_ascii=False).encode()
    sizes = {endpoint_id: len(body) for endpoint_id, body in bodies.items()}
    return Erasure(at=at, by=by, data_bytes=len(written), body_bytes=sizes)


def of_event(event: Event, erasure: Erasure) -> Event:
    return event.model_copy(update={"data": {}, "change": None, "warnings": (), "erasure": erasure})


def of_decision(decision: Decision) -> Decision:
    return replace(decision, reason=None) if decision.verdict in _QUOTING else decision


def of_attempt(attempt: Attempt) -> Attempt:
    headers = {name: value for name, value in attempt.request.headers.items() if name != _SIGNATURE}
    return attempt.model_copy(
        update={
            "advice": "",
            "request": attempt.request.model_copy(update={"headers": headers}),
            "response": attempt.response and _of_response(attempt.response),
        }
    )


def _of_response(response: Response) -> Response:
    kept = len(response.body.encode())
    return response.model_copy(update={"headers": {}, "body": "", "erased_bytes": kept})
