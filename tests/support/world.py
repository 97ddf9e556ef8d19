"""The whole of Posthorn in one process: tables and queues of template.yaml on moto, a clock to set.

An endpoint is a function from the request to its result: `world.answers` maps a URL to it.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws

from posthorn.aws import dynamodb
from posthorn.aws.config_table import ConfigStore
from posthorn.aws.dynamodb import Table
from posthorn.aws.eventbridge import Announcer
from posthorn.aws.kms import CACHED_SECRETS, Vault
from posthorn.aws.s3 import CONFIG, ExportBucket
from posthorn.aws.sqs import Queue
from posthorn.aws.step_functions import StateMachine
from posthorn.aws.stream_counters import StreamCounters
from posthorn.core.errors import UnavailableError
from posthorn.core.settings import Settings
from posthorn.core.single_flight import SingleFlight
from posthorn.deliveries import state
from posthorn.deliveries.erasure import PayloadEraser
from posthorn.deliveries.items import FIRST_TIME, DueTask, due_partitions
from posthorn.deliveries.queries import LogLists
from posthorn.deliveries.reader import DeliveryReader
from posthorn.deliveries.store import LogStore
from posthorn.deliveries.stream import StreamChange
from posthorn.dispatch.attempt import attempter
from posthorn.dispatch.concurrency import ConcurrencyLimiter
from posthorn.dispatch.dispatcher import AttemptReport, Dispatcher, MessageContext
from posthorn.dispatch.endpoint_health import EndpointHealth
from posthorn.dispatch.resend import Resender
from posthorn.dispatch.retry_timer import RetryTimer
from posthorn.dispatch.sweeper import Sweeper
from posthorn.dispatch.tenant_cache import TenantCache
from posthorn.egress.http_client import AttemptResult, Request
from posthorn.egress.url_guard import EgressPolicy
from posthorn.endpoints.service import EndpointService
from posthorn.events import event_types
from posthorn.events.ingestion import Ingestion
from posthorn.jobs.export import Exporter, ExportStore
from posthorn.jobs.model import JobKind
from posthorn.jobs.replay import ReplayStep
from posthorn.jobs.runner import JobExecutions, JobRecovery, JobRunner
from posthorn.jobs.service import EndpointResumer, JobService
from posthorn.jobs.store import JobStore
from posthorn.jobs.tracker import JobTracker
from posthorn.models import (
    Delivery,
    EffectiveLimits,
    Endpoint,
    EndpointSpec,
    Event,
    FanOut,
    Outcome,
    Response,
    Task,
    iso,
)
from posthorn.monitoring.inventory import Inventory
from posthorn.monitoring.reconciliation import Reconciliation
from posthorn.monitoring.stats_store import StatsStore
from posthorn.monitoring.stream_consumer import CountedBatch, StreamConsumer
from posthorn.tenants.api_keys import ApiKeyService
from posthorn.tenants.tenants import TenantService
from tests.support import template_facts
from tests.support.quick_transactions import quick_transactions
from tests.support.streams import Stream

TENANT = "acme"
START = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
ORDER = {
    "ClientId": 1,
    "ApplicationId": 1,
    "ClientOrderRef": "B-1",
    "Source": "WEB",
}
Answer = Callable[[Request], AttemptResult]


def answered(status: int, *, body: str = "", **headers: str) -> AttemptResult:
    """The sender's result when an endpoint answers with this status."""
    ok = 200 <= status < 300
    retry_after = headers.get("retry_after")
    return AttemptResult(
        outcome=Outcome.SUCCEEDED if ok else Outcome.HTTP_ERROR,
        advice="delivered" if ok else f"answered {status}",
        duration_ms=12,
        timings_ms={"dns": 1, "connect": 2, "first_byte": 12},
        response=Response(
            status_code=status,
            headers={"content-type": "text/plain", "content-length": str(len(body))},
            body=body,
        ),
        retry_after_seconds=float(retry_after) if retry_after else None,
        certificate_expires_at=START + timedelta(days=60),
        url="",
    )


class AtOnce(Executor):
    """Runs each job when it is submitted, so that the order of events is fixed."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - an executor keeps what its job raised
            future.set_exception(error)
        return future


class _RecordingTimer(RetryTimer):
    """Keeps each delivery that was scheduled, also once it no longer waits."""

    def __init__(self, scheduled: list[Delivery], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._scheduled = scheduled

    def schedule(self, delivery: Delivery) -> None:
        self._scheduled.append(delivery)
        super().schedule(delivery)


@dataclass
class World:
    settings: Settings
    answers: dict[str, Answer] = field(default_factory=dict)
    sent: list[Request] = field(default_factory=list)
    attempts: list[AttemptReport] = field(default_factory=list)
    now: datetime = START
    seconds_left: float = 60.0
    chance_counter: Any = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.dynamodb = boto3.client("dynamodb")
        self.sqs = boto3.client("sqs")
        self.stepfunctions = boto3.client("stepfunctions")
        kms, events = boto3.client("kms"), boto3.client("events")
        self.s3 = boto3.client("s3", config=CONFIG)
        self.clients = (self.dynamodb, self.sqs, self.stepfunctions, self.s3, kms, events)
        settings = self.settings
        self.config = ConfigStore(Table(self.dynamodb, settings.config_table_name))
        self.log_table = Table(self.dynamodb, settings.log_table_name)
        self.log = LogStore(self.log_table)
        self.vault = Vault(kms, settings.secrets_key_arn)
        self.event_queue = Queue(self.sqs, settings.event_queue_url)
        self.retry_queue = Queue(self.sqs, settings.retry_queue_url)
        self.lost_wake_ups: list[UnavailableError] = []
        self.scheduled: list[Delivery] = []
        self.timer = self.new_timer()
        self.access = ApiKeyService(self.config, now=self.clock, random_bytes=self.random_bytes)
        self.tenancy = TenantService(
            self.config, EffectiveLimits(settings.retention_days), now=self.clock
        )
        self.tenant_cache = TenantCache(self.config, self.tenancy.stack, self.clock)
        self.configuration = EndpointService(
            config=self.config,
            vault=self.vault,
            policy=EgressPolicy(allow_http=True, allow_private=True),
            limits=self.tenancy.limits,
            now=self.clock,
            random_bytes=self.random_bytes,
        )
        self.ingestion = Ingestion(
            queue=self.event_queue,
            find_type=event_types.builtin().get,
            now=self.clock,
            random_bytes=self.random_bytes,
        )
        self.reader = DeliveryReader(
            config=self.config,
            log=self.log,
            lists=LogLists(self.log_table, AtOnce()),
            limits=self.tenancy.limits,
            now=self.clock,
        )
        self.recovery = Resender(
            config=self.config,
            log=self.log,
            reader=self.reader,
            retry_queue=self.retry_queue,
            now=self.clock,
        )
        self.erasing = PayloadEraser(
            table=self.log_table,
            log=self.log,
            reader=self.reader,
            now=self.clock,
        )
        self.announcer = Announcer(events, settings.operations_bus_name)
        self.job_store = JobStore(self.log_table)
        executions = JobExecutions(StateMachine(self.stepfunctions, settings.job_state_machine_arn))
        self.job_tracker = JobTracker(self.job_store, StreamCounters(self.log_table), self.clock)
        self.jobs = JobService(
            config=self.config,
            reader=self.reader,
            store=self.job_store,
            executions=executions,
            tracker=self.job_tracker,
            limits=self.tenancy.limits,
            now=self.clock,
            random_bytes=self.random_bytes,
        )
        self.resuming = EndpointResumer(self.configuration, self.jobs)
        self.replaying = ReplayStep(
            config=self.config,
            log=self.log,
            lists=self.reader.lists,
            jobs=self.job_store,
            retry_queue=self.retry_queue,
            now=self.clock,
        )
        self.exporting = Exporter(
            reader=self.reader,
            lists=self.reader.lists,
            jobs=self.job_store,
            store=ExportStore(self.log_table),
            bucket=ExportBucket(self.s3, settings.export_bucket_name),
        )
        self.stepping = JobRunner(
            jobs=self.job_store,
            executions=executions,
            tracker=self.job_tracker,
            kinds=dict.fromkeys(JobKind, self.replaying.step)
            | {JobKind.EXPORT: self.exporting.step},
            now=self.clock,
        )
        self.sweeper = Sweeper(
            log=self.log,
            retry_queue=self.retry_queue,
            restart_jobs=JobRecovery(self.job_store, executions, self.clock).restarted_ids,
            pool=AtOnce(),
            now=self.clock,
        )
        self.dispatcher = Dispatcher(
            config=self.config,
            log=self.log,
            retry_queue=self.retry_queue,
            timer=self.timer,
            endpoint_health=EndpointHealth(self.config, self.announcer, self.clock),
            announcer=self.announcer,
            attempter=attempter(self.vault, settings, self.clock, send=self.send),
            limiter=ConcurrencyLimiter(),
            pool=AtOnce(),
            now=self.clock,
            jitter=lambda: 0.0,
        )
        self.stats = StatsStore(self.log_table)
        self.counting = StreamConsumer(self.stats, self.job_tracker)
        self.conservation = Reconciliation(
            config=self.config,
            log=self.log,
            inventory=Inventory(self.log_table),
            stats=self.stats,
            retry_queue=self.retry_queue,
            now=self.clock,
        )
        self.stream = Stream(settings.log_table_name)
        self.tenancy.put(TENANT, name="Acme")

    def restart(self) -> None:
        """Continue in a new execution environment without any cached state."""
        self.tenant_cache = TenantCache(self.config, self.tenancy.stack, self.clock)
        self.vault._opened = SingleFlight(self.vault._open, size=CACHED_SECRETS)
        self.dispatcher = replace(self.dispatcher, timer=self.new_timer())

    def clock(self) -> datetime:
        return self.now

    def random_bytes(self, size: int) -> bytes:
        return next(self.chance_counter).to_bytes(size, "big")

    def send(self, request: Request) -> AttemptResult:
        self.sent.append(request)
        return self.answers.get(request.url, lambda _: answered(200))(request)

    def later(self, **amount: float) -> None:
        self.now += timedelta(**amount)

    def endpoint(self, name: str = "erp", tenant: str = TENANT, **fields: Any) -> Endpoint:
        spec = {"name": name, "url": f"http://{name}.example.com/hook", "event_types": ["*"]}
        made = EndpointSpec.model_validate({**spec, **fields})
        return self.configuration.create(tenant, made, by="phk_test")[0]

    def publish(self, *items: Any, tenant: str = TENANT) -> list[Any]:
        """Publish through ingestion; the events stay on EventQueue until `take_events`."""
        return self.ingestion.accept(
            tenant, items or [{"type": "OrderReceivedEvent", "data": ORDER}]
        )

    def context(self, message_id: str) -> MessageContext:
        return MessageContext(
            message_id,
            self.tenant_cache.for_batch(),
            lambda: self.seconds_left,
            self.attempts.append,
        )

    def take_events(self) -> None:
        for message in self.receive(self.settings.event_queue_url):
            self.take_message(message)

    def take_message(self, message: Any, context: MessageContext | None = None) -> None:
        event = Event.model_validate_json(message["Body"])
        self.dispatcher.take_event(event, context or self.context(message["MessageId"]))

    def take_tasks(self) -> None:
        for message in self.receive(self.settings.retry_queue_url):
            self.take_retry_message(message)

    def take_retry_message(self, message: Any) -> None:
        context = self.context(message["MessageId"])
        if "fan_out_event_id" in message["Body"]:
            self.dispatcher.take_fan_out(FanOut.model_validate_json(message["Body"]), context)
        else:
            self.dispatcher.take_task(Task.model_validate_json(message["Body"]), context)

    def count(self) -> CountedBatch:
        """Count the records of LogTable's stream since the last call."""
        return self.counting.count(self.stream.shard, map(StreamChange.of, self.stream.new()))

    def receive(self, url: str) -> list[Any]:
        """Take all messages off a queue."""
        taken: list[Any] = []
        while found := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in found:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            taken.extend(found)
        return taken

    def new_timer(self) -> RetryTimer:
        """The timer of a new execution environment."""
        return _RecordingTimer(
            self.scheduled,
            StateMachine(self.stepfunctions, self.settings.retry_state_machine_arn),
            self.retry_queue,
            now=self.clock,
            failed=self.lost_wake_ups.append,
        )

    def waiting(self) -> list[DueTask]:
        """The attempts that wait in the index `due`, by time."""
        end = iso(self.now + timedelta(days=365))
        rows = [row for shard in due_partitions() for row in self.log.due(shard, FIRST_TIME, end)]
        return sorted(rows, key=lambda row: row.sort_key)

    def cells(self) -> list[dict[str, Any]]:
        """The inputs of the executions started so far, oldest cell first."""
        arn = self.settings.retry_state_machine_arn
        listed = self.stepfunctions.list_executions(stateMachineArn=arn)["executions"]
        described = [
            self.stepfunctions.describe_execution(executionArn=each["executionArn"])
            for each in listed
        ]
        inputs = [json.loads(each["input"]) for each in described]
        return sorted(inputs, key=lambda each: str(each["from"]))

    def wake(self) -> None:
        """Let time pass to the last scheduled retry, and make it."""
        last = max(self.scheduled, key=lambda each: iso(each.next_attempt_at or each.created_at))
        self.now = max(self.now, last.next_attempt_at or self.now)
        task = state.task(last)
        self.dispatcher.take_task(task, self.context(f"wake-{task.attempt}-{self.now}"))

    def deliveries(self, tenant: str = TENANT) -> list[Delivery]:
        """Every delivery of the tenant, from the table itself."""
        rows = self.dynamodb.scan(TableName=self.settings.log_table_name)["Items"]
        events = {
            row["pk"]["S"].split("#")[1] for row in rows if row["pk"]["S"].startswith(f"{tenant}#")
        }
        histories = [self.log.history(tenant, event_id) for event_id in sorted(events)]
        return [
            record.delivery
            for history in histories
            if history
            for record in history.records.values()
        ]


@contextmanager
def world() -> Iterator[World]:
    """A fresh account with the stack's tables, queues, key and state machine."""
    with mock_aws(), quick_transactions():
        one = World(deploy())
        with patch.object(dynamodb, "utcnow", one.clock):
            yield one


def deploy() -> Settings:
    dynamodb, sqs = boto3.client("dynamodb"), boto3.client("sqs")
    for logical_id in ("ConfigTable", "LogTable"):
        dynamodb.create_table(**template_facts.table_arguments(logical_id, logical_id))
    urls = {
        name: sqs.create_queue(
            QueueName=name,
            # Moto has no visibility timeout: messages not deleted are visible again at once.
            Attributes={"VisibilityTimeout": "0"},
        )["QueueUrl"]
        for name in ("EventQueue", "RetryQueue")
    }
    substitutions = {
        "RetryStateMachine": {
            "SweeperFunctionArn": "arn:aws:lambda:eu-north-1:123456789012:function:sweeper"
        },
        "JobStateMachine": {
            "JobFunctionArn": "arn:aws:lambda:eu-north-1:123456789012:function:job"
        },
    }
    machines = {
        logical_id: boto3.client("stepfunctions").create_state_machine(
            name=logical_id,
            definition=template_facts.state_machine_definition(logical_id, **values),
            roleArn="arn:aws:iam::123456789012:role/machine",
        )["stateMachineArn"]
        for logical_id, values in substitutions.items()
    }
    s3, region = boto3.client("s3"), dynamodb.meta.region_name
    s3.create_bucket(Bucket="exports", CreateBucketConfiguration={"LocationConstraint": region})
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    return Settings(
        config_table_name="ConfigTable",
        log_table_name="LogTable",
        event_queue_url=urls["EventQueue"],
        retry_queue_url=urls["RetryQueue"],
        retry_state_machine_arn=machines["RetryStateMachine"],
        job_state_machine_arn=machines["JobStateMachine"],
        export_bucket_name="exports",
        secrets_key_arn=key,
        operations_bus_name="",
        retention_days=30,
        allow_http=True,
        allow_private_addresses=True,
        require_test=False,
    )


def as_environment(settings: Settings) -> dict[str, str]:
    """The settings as the functions read them."""
    values = {name.upper(): str(value) for name, value in vars(settings).items()}
    booleans = {"ALLOW_HTTP", "ALLOW_PRIVATE_ADDRESSES", "REQUIRE_TEST"}
    return {name: value.lower() if name in booleans else value for name, value in values.items()}
