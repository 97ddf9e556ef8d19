"""The wording of job kinds and job statuses."""

from posthorn.core.errors import PosthornError
from posthorn.jobs.model import JobKind, JobStatus, Skipped

KINDS = {each: each.capitalize() for each in JobKind}
STANDING = {
    JobStatus.RUNNING: "It goes endpoint by endpoint, oldest first.",
    JobStatus.PAUSED: "Nothing more is started. What was put on its way goes on.",
    JobStatus.COMPLETED: "Each of its deliveries has come to an end.",
    JobStatus.CANCELLED: "Nothing more is started. What was put on its way goes on.",
    JobStatus.FAILED: "None of its steps got through. Resume it to try again.",
}
ALL_STARTED = "All are on their way: it waits until the last one has come to an end."
SKIPPED = {
    Skipped.GONE: "no longer in the log, or erased",
    Skipped.BEING_ATTEMPTED: "being attempted just then",
    Skipped.CHANGED: "no longer what was asked for",
    Skipped.ENDPOINT_DELETED: "their endpoint was deleted",
    Skipped.ENDPOINT_NOT_ENABLED: "their endpoint was not enabled",
}
DONE = {
    "pause": "Paused. What was put on its way goes on.",
    "resume": "It goes on.",
    "cancel": "Cancelled. What was put on its way goes on.",
    "rate": "The rate is changed, from its next step on.",
}
_REFUSED = {
    "job_all_started": "All of its deliveries are on their way: nothing is left to stop.",
    "job_not_running": "It has come to its end meanwhile.",
    "job_not_paused": "It is neither paused nor failed.",
}


def refusal(error: PosthornError) -> str:
    return _REFUSED.get(error.code, error.detail)
