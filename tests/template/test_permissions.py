"""Least privilege: the rules for statements in template.yaml."""

import json
import re

import pytest

from tests.support.iam_recording import POLLING, granted, polled
from tests.support.template_facts import functions, of_type, statements

MACHINES = tuple(of_type("AWS::Serverless::StateMachine"))
PRINCIPALS = (*functions(), *MACHINES)


@pytest.mark.parametrize("principal", PRINCIPALS)
def test_statements_name_exact_actions(principal: str) -> None:
    actions = [action for statement in statements(principal) for action in statement.actions]

    assert actions
    assert all(re.fullmatch(r"[a-z0-9]+:[A-Z][A-Za-z]+", action) for action in actions)
    assert not set(of_type("AWS::Serverless::Function").get(principal, {})) & {"Role"}


@pytest.mark.parametrize("principal", PRINCIPALS)
def test_statements_name_one_resource_each(principal: str) -> None:
    for statement in statements(principal):
        # The actions of a state machine's log delivery take no resource (Step Functions guide).
        if principal not in MACHINES or statement.sid != "DeliverLogs":
            assert all(isinstance(resource, dict) for resource in statement.resources)
            # The files of a bucket are named by a pattern, or one by one.
            assert "*" not in json.dumps(statement.resources).replace("/exports/*", "")


def test_no_function_has_a_managed_policy() -> None:
    for own in of_type("AWS::Serverless::Function").values():
        assert set(own["Policies"]) == {"Statement"}
        # An SQS event would add a managed policy that reads every queue of the account.
        assert {event["Type"] for event in own.get("Events", {}).values()} <= {
            "HttpApi",
            "Schedule",
        }


def test_the_retry_machine_can_call_the_sweeper_and_nothing_else() -> None:
    (calling,) = (own for own in statements("RetryStateMachine") if own.sid != "DeliverLogs")

    assert calling.actions == ("lambda:InvokeFunction",)
    assert calling.resources == ({"Fn::GetAtt": ["SweeperFunction", "Arn"]},)


def test_the_job_machine_can_call_the_job_function_and_nothing_else() -> None:
    (calling,) = (own for own in statements("JobStateMachine") if own.sid != "DeliverLogs")

    assert calling.actions == ("lambda:InvokeFunction",)
    assert calling.resources == ({"Fn::GetAtt": ["JobFunction", "Arn"]},)


def test_pollers_may_read_their_queues_and_streams() -> None:
    polling = {action for actions in POLLING.values() for action in actions}
    pollers = {grant.function for grant in polled()}

    assert {
        grant for grant in granted() if grant.function in pollers and grant.action in polling
    } == polled()
