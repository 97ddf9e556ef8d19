"""Each gap of the emulator that `local/bridge.py` fills: it exists, and it is filled.

A test that fails on its first half after an upgrade of the emulator means: remove the bridge.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from local.emulation import bridge
from local.emulation.emulator import free_port, running
from tests.e2e.stack import eventually

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Limit: {Type: Number}
Resources:
  HttpApi:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: Key
        Authorizers:
          Key:
            FunctionArn: !GetAtt AuthorizerFunction.Arn
            AuthorizerPayloadFormatVersion: "2.0"
            EnableSimpleResponses: true
            Identity: {Headers: [Authorization], ReauthorizeEvery: 60}
  AuthorizerFunction:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: index.lambda_handler
      InlineCode: |
        def lambda_handler(event, context):
            return {"isAuthorized": event["identitySource"] == ["open sesame"]}
  HelloFunction:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: index.lambda_handler
      InlineCode: |
        def lambda_handler(event, context):
            return {"statusCode": 200, "body": "hello"}
      Events:
        Hello:
          Type: HttpApi
          Properties: {ApiId: !Ref HttpApi, Method: GET, Path: "/hello/{name}"}
        Open:
          Type: HttpApi
          Properties: {ApiId: !Ref HttpApi, Method: GET, Path: /open, Auth: {Authorizer: NONE}}
  Queue: {Type: AWS::SQS::Queue}
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !GetAtt Queue.Arn
      FunctionName: !Ref HelloFunction
      ScalingConfig: {MaximumConcurrency: !Ref Limit}
  WatchingFunction:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: index.lambda_handler
      InlineCode: |
        def lambda_handler(event, context):
            print("watched", sorted(event))
            return {"state": {}}
  StreamMapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !GetAtt Table.StreamArn
      FunctionName: !Ref WatchingFunction
      StartingPosition: TRIM_HORIZON
      TumblingWindowInSeconds: 900
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
      TimeToLiveSpecification: {AttributeName: expires_at, Enabled: true}
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
  StateMachine:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition: {StartAt: Wait, States: {Wait: {Type: Wait, Seconds: 5, End: true}}}
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gaps") / "emulator.log"


@pytest.fixture(scope="module")
def deployment(log: Path) -> Iterator[bridge.Deployment]:
    """Not the suite's stack: a gap that is open here would stop the queues of everyone there."""
    with running(free_port(), log=log) as emulator:
        cloudformation = emulator.client("cloudformation")
        cloudformation.create_stack(
            StackName="gaps",
            TemplateBody=TEMPLATE,
            Parameters=[{"ParameterKey": "Limit", "ParameterValue": "2"}],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName="gaps", WaiterConfig={"Delay": 1, "MaxAttempts": 20}
        )
        yield bridge.read_deployment(emulator, "gaps")


def physical_id(deployment: bridge.Deployment, kind: str) -> str:
    return deployment.of_type(kind)[0].physical_id


def test_an_http_api_has_its_routes_and_its_authorizer_from_the_bridge(
    deployment: bridge.Deployment,
) -> None:
    gateway = deployment.emulator.client("apigatewayv2")
    api_id = physical_id(deployment, "AWS::ApiGatewayV2::Api")
    assert gateway.get_routes(ApiId=api_id)["Items"] == []

    bridge.route_http_api(deployment)

    host = f"{api_id}.execute-api.localhost"
    url = deployment.emulator.api_url
    open_route = requests.get(f"{url}/open", headers={"host": host}, timeout=10)
    refused = requests.get(f"{url}/hello/you", headers={"host": host}, timeout=10)
    allowed = requests.get(
        f"{url}/hello/you", headers={"host": host, "authorization": "open sesame"}, timeout=10
    )
    assert (open_route.status_code, refused.status_code) == (200, 401)
    assert (allowed.status_code, allowed.text) == (200, "hello")


def test_the_api_answers_at_the_loopback_address_because_of_the_bridge(
    deployment: bridge.Deployment,
) -> None:
    url = f"{deployment.emulator.api_url}/nothing-here"
    before = requests.get(url, timeout=10)
    assert "apigw-requestid" not in before.headers

    bridge.serve_api_at_loopback(deployment)

    after = requests.get(url, timeout=10)
    assert (after.status_code, after.json()) == (404, {"message": "Not Found"})
    assert "apigw-requestid" in after.headers


def test_a_table_has_its_time_to_live_from_the_bridge(deployment: bridge.Deployment) -> None:
    dynamodb = deployment.emulator.client("dynamodb")
    name = physical_id(deployment, "AWS::DynamoDB::Table")

    def status() -> Any:
        return dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]

    assert status()["TimeToLiveStatus"] == "DISABLED"

    bridge.enable_time_to_live(deployment)

    assert status() == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}


def test_a_queue_is_polled_because_the_bridge_makes_a_number_of_the_limit(
    deployment: bridge.Deployment,
) -> None:
    sqs = deployment.emulator.client("sqs")
    queue = physical_id(deployment, "AWS::SQS::Queue")
    uuid = next(
        mapping.physical_id
        for mapping in deployment.of_type("AWS::Lambda::EventSourceMapping")
        if mapping.logical_id == "Mapping"
    )
    mapping = f"{deployment.emulator.url}/2015-03-31/event-source-mappings/{uuid}"

    def limit() -> Any:  # read raw: boto3 would make a number of it
        return requests.get(mapping, timeout=10).json()["ScalingConfig"]["MaximumConcurrency"]

    assert limit() == "2"

    bridge.limit_pollers(deployment)

    assert limit() == 2
    sqs.send_message(QueueUrl=queue, MessageBody="{}")
    eventually(lambda: _depth(sqs, queue) == 0)


def _depth(sqs: Any, queue: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)


def test_starting_an_execution_twice_is_refused_and_so_our_code_takes_that_for_success(
    deployment: bridge.Deployment,
) -> None:
    stepfunctions = deployment.emulator.client("stepfunctions")
    machine = physical_id(deployment, "AWS::StepFunctions::StateMachine")
    stepfunctions.start_execution(stateMachineArn=machine, name="once", input="{}")

    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        stepfunctions.start_execution(stateMachineArn=machine, name="once", input="{}")


def test_a_stream_of_a_table_has_one_shard_and_so_our_code_does_without_its_name(
    deployment: bridge.Deployment, log: Path
) -> None:
    """On AWS a mapping with a window names it: `shardId` (Lambda guide, tumbling windows)."""
    dynamodb = deployment.emulator.client("dynamodb")
    name = physical_id(deployment, "AWS::DynamoDB::Table")
    arn = dynamodb.describe_table(TableName=name)["Table"]["LatestStreamArn"]
    stream = deployment.emulator.client("dynamodbstreams").describe_stream(StreamArn=arn)
    assert len(stream["StreamDescription"]["Shards"]) == 1

    dynamodb.put_item(TableName=name, Item={"pk": {"S": "one"}})

    eventually(lambda: "watched ['Records']" in log.read_text())
