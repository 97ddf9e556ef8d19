"""A replay of 5,000 deliveries whose workers are killed ten times at random calls to AWS."""

from collections.abc import Iterator

from tests.support.job_kills import replay
from tests.support.world import world

DELIVERIES, KILLS, SEED = 5_000, 10, 20261124


def rows() -> Iterator[str]:
    yield f"{DELIVERIES:,} dead deliveries; {KILLS} workers killed, seed {SEED}; takes minutes"
    with world() as one:
        outcome = replay(one, deliveries=DELIVERIES, kills=KILLS, seed=SEED)
    job, progress, ends = outcome.job, outcome.progress, outcome.ends
    yield f"killed at         {', '.join(outcome.kills)}"
    yield f"the job says      {job.status}: {job.matched} matched, {job.started} started"
    yield f"                  {progress.succeeded} succeeded, {progress.failed} failed"
    for (status, numbers), count in sorted(ends.items()):
        yield f"the log has       {count} {status}, with attempts {', '.join(map(str, numbers))}"
    sends = outcome.sends
    yield f"lost              {DELIVERIES - len(sends)}"
    yield f"sent again        {sends.total() - len(sends)}, where a worker died before recording"
    yield f"claimed twice     {outcome.overlapping}"
