"""Nothing is lost and nothing is left over under load: `make demo-load`, smaller."""

from local import run, seed
from local.load import load
from tests.e2e.stack import Running


def test_the_log_and_the_receiver_agree_on_150_events_a_third_of_which_fail_twice_first(
    stack: Running,
) -> None:
    keys = seed.Keys(admin=stack.admin.key, tenant="")

    assert load(run.describe(stack.stack, stack.receiver, keys), events=150)
