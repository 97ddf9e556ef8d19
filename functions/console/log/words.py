"""The wording of the log's values."""

from posthorn.deliveries.filters import Order, StatusClass
from posthorn.models import DeliveryStatus, Outcome, Trigger

STATUSES = {each: each.capitalize() for each in DeliveryStatus}
OUTCOMES = {
    Outcome.SUCCEEDED: "Delivered",
    Outcome.HTTP_ERROR: "Refused",
    Outcome.REDIRECT: "Redirected",
    Outcome.TIMEOUT_CONNECT: "No connection in time",
    Outcome.TIMEOUT_READ: "No answer in time",
    Outcome.DNS_ERROR: "Name not found",
    Outcome.TLS_ERROR: "TLS failed",
    Outcome.CONNECTION_ERROR: "Connection failed",
    Outcome.INVALID_RESPONSE: "Answer is not HTTP",
    Outcome.RESPONSE_TOO_LARGE: "Answer too large",
    Outcome.BLOCKED: "Address not allowed",
    Outcome.AUTH_ERROR: "No access token",
    Outcome.PAYLOAD_ERROR: "Payload failed",
}
STATUS_CLASSES = {
    StatusClass.SUCCESS: "2xx, success",
    StatusClass.REDIRECTION: "3xx, redirect",
    StatusClass.CLIENT_ERROR: "4xx, it refused",
    StatusClass.SERVER_ERROR: "5xx, it failed",
    StatusClass.NONE: "no answer",
}
ORDERS = {Order.NEWEST: "Newest first", Order.OLDEST: "Oldest first"}
TRIGGERS = {
    Trigger.FIRST: "First attempt",
    Trigger.RETRY: "Retry",
    Trigger.SWEEPER: "Late retry",
    Trigger.RESEND: "Resent",
    Trigger.REPLAY: "Replayed",
    Trigger.DRAIN: "Sent after being held",
    Trigger.TEST: "Test",
}
VERDICTS = {
    "matched": "Wanted",
    "held": "Wanted, held",
    "off": "Switched off",
    "type_not_wanted": "Type not wanted",
    "rule_not_met": "No rule fires",
    "condition_not_met": "Condition not met",
    "created_later": "Made later",
}
# The next step, for each status of a delivery.
NEXT = {
    DeliveryStatus.PENDING: "It is on its way.",
    DeliveryStatus.SUCCEEDED: "The endpoint has it. Nothing more is sent.",
    DeliveryStatus.RETRYING: "It is tried again by itself, until the retry policy is used up.",
    DeliveryStatus.HELD: "It is kept until the endpoint is enabled again.",
    DeliveryStatus.DEAD: "It is never tried again by itself. Resend it when the endpoint is well.",
    DeliveryStatus.CANCELLED: "It is not tried again. It can be resent.",
}
