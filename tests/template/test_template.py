"""Properties of template.yaml that matter on AWS and that the emulator does not enforce."""

import dataclasses
import importlib
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.template_facts import (
    GLOBALS,
    ROOT,
    TEMPLATE,
    functions,
    of_type,
    properties,
    routes,
    state_machine_definition,
)

QUEUES = of_type("AWS::SQS::Queue")
STREAM_MAPPING = properties("StatsMapping")
MAPPINGS = {  # of queues
    name: mapping
    for name, mapping in of_type("AWS::Lambda::EventSourceMapping").items()
    if mapping is not STREAM_MAPPING
}
MACHINES = of_type("AWS::Serverless::StateMachine")
ALARMS = of_type("AWS::CloudWatch::Alarm")
OPEN_ROUTES = {("GET", "/openapi.json"), ("GET", "/docs"), *routes("ConsoleFunction")}
LONGEST_RETRY_DAYS = 7  # of a retry policy, docs/delivery-rules.md


def source(mapping: dict[str, Any]) -> str:
    return str(mapping["EventSourceArn"]["Fn::GetAtt"][0])


def values(node: Any) -> Iterator[Any]:
    yield node
    for child in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        yield from values(child)


def references() -> Counter[str]:
    """How often each logical id or parameter is referred to."""
    found: Counter[str] = Counter()
    for node in values(TEMPLATE):
        match node:
            case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
                found[name] += 1
            case {"Fn::Sub": str(text)}:
                found.update(re.findall(r"\$\{([\w]+)", text))
    return found


# --- queues ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=MAPPINGS)
def test_a_message_stays_hidden_for_six_times_the_timeout_of_its_function(
    mapping: dict[str, Any],
) -> None:
    timeout = functions()[mapping["FunctionName"]["Ref"]]["Timeout"]

    assert QUEUES[source(mapping)]["VisibilityTimeout"] >= 6 * timeout


@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=MAPPINGS)
def test_one_bad_message_does_not_bring_back_its_whole_batch(mapping: dict[str, Any]) -> None:
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_each_lane_has_its_own_maximum_concurrency() -> None:
    limits = {
        source(own): own["ScalingConfig"]["MaximumConcurrency"]["Ref"] for own in MAPPINGS.values()
    }

    assert limits == {"EventQueue": "EventConcurrency", "RetryQueue": "RetryConcurrency"}


def test_each_polled_queue_has_a_dead_letter_queue_of_its_own() -> None:
    polled_queues = {source(mapping) for mapping in MAPPINGS.values()}
    dead_letters = {
        name: QUEUES[name]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        for name in polled_queues
    }

    assert len(set(dead_letters.values())) == len(polled_queues)
    assert polled_queues | set(dead_letters.values()) == set(QUEUES)
    assert all(QUEUES[name]["RedrivePolicy"]["maxReceiveCount"] >= 5 for name in polled_queues)


def test_a_dead_letter_lives_on_after_its_queue_would_have_dropped_it() -> None:
    default = 345_600  # 4 days
    for queue in QUEUES.values():
        if "RedrivePolicy" in queue:
            dead_letters = QUEUES[queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]
            kept = queue.get("MessageRetentionPeriod", default)
            assert dead_letters["MessageRetentionPeriod"] > kept


def test_every_queue_is_encrypted() -> None:
    assert all(queue["SqsManagedSseEnabled"] is True for queue in QUEUES.values())


# --- the stream -----------------------------------------------------------------------------------


def test_the_stream_has_old_and_new_images() -> None:
    assert properties("LogTable")["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert STREAM_MAPPING["EventSourceArn"] == {"Fn::GetAtt": ["LogTable", "StreamArn"]}


def test_statistics_get_the_shard_and_order_of_each_record() -> None:
    """Without a window Lambda names no shard; in parallel, its batches overtake each other."""
    assert STREAM_MAPPING["TumblingWindowInSeconds"] > 0
    assert STREAM_MAPPING["ParallelizationFactor"] == 1


def test_no_record_of_the_stream_is_given_up_before_the_stream_forgets_it() -> None:
    assert not {"MaximumRetryAttempts", "MaximumRecordAgeInSeconds"} & set(STREAM_MAPPING)
    assert STREAM_MAPPING["StartingPosition"] == "TRIM_HORIZON"


# --- functions ------------------------------------------------------------------------------------


def test_functions_get_exactly_the_variables_that_settings_read() -> None:
    settings = importlib.import_module("posthorn.core.settings").Settings
    wanted = {field.name.upper() for field in dataclasses.fields(settings)}
    given = set(GLOBALS["Environment"]["Variables"])

    assert {name for name in given if not name.startswith("POWERTOOLS_")} == wanted


def test_no_function_has_variables_of_its_own() -> None:
    assert not [
        name for name, own in of_type("AWS::Serverless::Function").items() if "Environment" in own
    ]


@pytest.mark.parametrize("name", functions())
def test_every_handler_is_there(name: str) -> None:
    package, module, function = functions()[name]["Handler"].split(".")
    file = ROOT / functions()[name]["CodeUri"] / package / f"{module}.py"

    assert f"def {function}(" in file.read_text()


def test_every_function_folder_is_deployed() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/handler.py")}

    assert folders == {own["Handler"].partition(".")[0] for own in functions().values()}


def test_every_function_has_its_own_log_group_with_a_retention() -> None:
    groups = [own["LoggingConfig"]["LogGroup"]["Ref"] for own in functions().values()]

    assert len(set(groups)) == len(groups)
    assert all("RetentionInDays" in own for own in of_type("AWS::Logs::LogGroup").values())
    assert set(groups) <= set(of_type("AWS::Logs::LogGroup"))


def test_the_api_answers_before_the_gateway_gives_up() -> None:
    assert all(own["Timeout"] < 30 for name, own in functions().items() if routes(name))


# --- routes ---------------------------------------------------------------------------------------


def test_only_the_documentation_and_the_console_are_open_to_everybody() -> None:
    auth = properties("HttpApi")["Auth"]
    open_routes = {
        route
        for name in functions()
        for route, event in routes(name).items()
        if event.get("Auth", {}).get("Authorizer") == "NONE"
    }

    assert auth["DefaultAuthorizer"] in auth["Authorizers"]
    assert open_routes == OPEN_ROUTES


def test_no_route_catches_all_but_the_console_its_own() -> None:
    served = [route for name in functions() for route in routes(name)]

    assert len(set(served)) == len(served)
    assert not [route for route in served if route[0] == "ANY"]
    assert {path for _, path in served if "+" in path} == {"/console/{page+}"}


def test_api_serves_exactly_the_routes_of_the_template() -> None:
    app = importlib.import_module("api.handler").app
    served = {
        (route.method, route.openapi_path) for route in app._static_routes + app._dynamic_routes
    }

    assert served == set(routes("ApiFunction"))


# --- storage --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", of_type("AWS::DynamoDB::Table"))
def test_tables_can_be_restored_and_not_be_deleted_by_mistake(name: str) -> None:
    table = properties(name)

    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["DeletionProtectionEnabled"] is True
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_only_the_log_expires() -> None:
    expiry = properties("LogTable")["TimeToLiveSpecification"]

    assert expiry == {"AttributeName": "expires_at", "Enabled": True}
    assert "TimeToLiveSpecification" not in properties("ConfigTable")


def test_the_log_outlives_every_retry_policy() -> None:
    assert TEMPLATE["Parameters"]["RetentionDays"]["MinValue"] > LONGEST_RETRY_DAYS


@pytest.mark.parametrize("name", ["ConfigTable", "LogTable", "SecretsKey", "ExportBucket"])
def test_resources_with_data_survive_the_stack(name: str) -> None:
    resource = TEMPLATE["Resources"][name]

    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


def test_exports_are_encrypted_private_and_forgotten() -> None:
    bucket = properties("ExportBucket")
    (policy,) = of_type("AWS::S3::BucketPolicy").values()

    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    (expiry,) = bucket["LifecycleConfiguration"]["Rules"]
    assert (expiry["Status"], expiry["ExpirationInDays"]) == ("Enabled", 7)
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_secrets_key_rotates() -> None:
    assert properties("SecretsKey")["EnableKeyRotation"] is True


# --- retries --------------------------------------------------------------------------------------


@pytest.mark.parametrize("machine", MACHINES)
def test_every_substitution_of_a_state_machine_is_made_and_used(machine: str) -> None:
    substitutions = properties(machine)["DefinitionSubstitutions"]
    wanted = set(re.findall(r"\$\{(\w+)}", state_machine_definition(machine)))

    assert set(substitutions) == wanted


# --- alarms ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("alarm", ALARMS.values(), ids=ALARMS)
def test_every_alarm_is_heard(alarm: dict[str, Any]) -> None:
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
    assert alarm["TreatMissingData"] == "notBreaching"


def watched_by(value: Any) -> str:
    """The resource of a dimension, or the service that Powertools names in ours."""
    if isinstance(value, str):
        return value
    (name,) = value.values()
    return name if isinstance(name, str) else str(name[0])


@pytest.mark.parametrize(
    ("metric", "resources"),
    [
        ("ApproximateNumberOfMessagesVisible", {"EventDeadLetterQueue", "RetryDeadLetterQueue"}),
        ("ApproximateAgeOfOldestMessage", {"EventQueue", "RetryQueue"}),
        (
            "Errors",
            {"DispatcherFunction", "SweeperFunction", "StatsFunction", "ConservationFunction"},
        ),
        ("IteratorAge", {"StatsFunction"}),
        ("UnreadableRecords", {"posthorn"}),
        ("UnaccountedDeliveries", {"posthorn"}),
        ("UnexplainedOverdueDeliveries", {"posthorn"}),
        ("Throttles", {"DispatcherFunction"}),
        ("ExecutionsFailed", set(MACHINES)),
        ("5xx", {"HttpApi"}),
    ],
)
def test_alarms_reach_the_operator(metric: str, resources: set[str]) -> None:
    watched = set()
    for alarm in ALARMS.values():
        if alarm["MetricName"] == metric:
            (dimension,) = alarm["Dimensions"]
            watched.add(watched_by(dimension["Value"]))

    assert watched == resources


def test_a_crash_alone_does_not_alarm_about_age() -> None:
    for alarm in ALARMS.values():
        if alarm["MetricName"] == "ApproximateAgeOfOldestMessage":
            queue = alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0]
            assert alarm["Threshold"] > QUEUES[queue]["VisibilityTimeout"]


# --- the whole ------------------------------------------------------------------------------------


def test_every_parameter_is_used_described_and_has_a_default() -> None:
    used = references()

    for name, parameter in TEMPLATE["Parameters"].items():
        assert used[name], name
        assert parameter["Description"], name
        assert "Default" in parameter, name


def test_everything_is_traced() -> None:
    assert GLOBALS["Tracing"] == "Active"
    assert all(own["Tracing"] == {"Enabled": True} for own in MACHINES.values())
