"""The use cases, built on first use for the functions: importing has no side effects."""

import os
from datetime import UTC, datetime
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING

import boto3

from posthorn import reconcile_cli as conservation_check
from posthorn.aws.config_table import ConfigStore
from posthorn.aws.dynamodb import Table
from posthorn.aws.kms import Vault
from posthorn.aws.s3 import CONFIG, ExportBucket
from posthorn.aws.sqs import Queue
from posthorn.aws.step_functions import StateMachine
from posthorn.aws.stream_counters import StreamCounters
from posthorn.core.settings import Settings
from posthorn.deliveries.erasure import PayloadEraser
from posthorn.deliveries.queries import LogLists
from posthorn.deliveries.reader import DeliveryReader
from posthorn.deliveries.search import DeliverySearch
from posthorn.deliveries.store import LogStore
from posthorn.dispatch.attempt import Attempter
from posthorn.dispatch.resend import Resender
from posthorn.egress.http_client import Sender
from posthorn.egress.oauth2 import TokenCache
from posthorn.egress.url_guard import EgressPolicy
from posthorn.endpoint_tests.drafts import Drafts
from posthorn.endpoint_tests.dry_run import DryRun
from posthorn.endpoint_tests.preview_and_test import EndpointTester
from posthorn.endpoint_tests.sample_events import SampleEvents
from posthorn.endpoints.history import EndpointHistoryReader
from posthorn.endpoints.service import EndpointService
from posthorn.events.catalogue import CatalogueService
from posthorn.jobs.export import Exporter, ExportStore
from posthorn.jobs.model import JobKind
from posthorn.jobs.progress import JobTracker
from posthorn.jobs.replay import ReplayStep
from posthorn.jobs.runner import JobExecutions, JobRunner
from posthorn.jobs.service import EndpointResumer, JobService
from posthorn.jobs.store import JobStore
from posthorn.models import EffectiveLimits
from posthorn.monitoring.event_type_overview import EventTypeOverview
from posthorn.monitoring.inventory import Inventory
from posthorn.monitoring.reconciliation import Reconciliation
from posthorn.monitoring.statistics import Statistics
from posthorn.monitoring.stats_store import StatsStore
from posthorn.monitoring.stream_consumer import StreamConsumer
from posthorn.monitoring.warnings import WarningSigns
from posthorn.tenants.api_keys import ApiKeyService
from posthorn.tenants.console_sessions import SessionStore
from posthorn.tenants.portal_links import PortalLinks
from posthorn.tenants.rate_limits import Limits
from posthorn.tenants.tenants import TenantService

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient


@cache
def settings() -> Settings:
    return Settings.from_env(os.environ)


@cache
def dynamodb() -> "DynamoDBClient":
    """One for both tables: each client takes its time to make, and has connections of its own."""
    return boto3.client("dynamodb")


@cache
def config_table() -> Table:
    return Table(dynamodb(), settings().config_table_name)


@cache
def log_table() -> Table:
    return Table(dynamodb(), settings().log_table_name)


@cache
def sqs() -> "SQSClient":
    return boto3.client("sqs")


@cache
def retry_queue() -> Queue:
    return Queue(sqs(), settings().retry_queue_url)


@cache
def config() -> ConfigStore:
    return ConfigStore(config_table())


@cache
def access() -> ApiKeyService:
    return ApiKeyService(config(), now=now, random_bytes=os.urandom)


@cache
def tenancy() -> TenantService:
    return TenantService(config(), EffectiveLimits(settings().retention_days), now=now)


@cache
def sessions() -> SessionStore:
    return SessionStore(log_table(), config(), now=now, random_bytes=os.urandom)


@cache
def portal_links() -> PortalLinks:
    return PortalLinks(config(), vault(), sessions(), now)


@cache
def vault() -> Vault:
    return Vault(boto3.client("kms"), settings().secrets_key_arn)


@cache
def policy() -> EgressPolicy:
    return EgressPolicy(settings().allow_http, settings().allow_private_addresses)


@cache
def configuration() -> EndpointService:
    return EndpointService(
        config=config(),
        vault=vault(),
        policy=policy(),
        limits=tenancy().limits,
        now=now,
        random_bytes=os.urandom,
        require_test=settings().require_test,
    )


@cache
def history() -> EndpointHistoryReader:
    return EndpointHistoryReader(config(), vault())


@cache
def drafts() -> Drafts:
    return Drafts(configuration())


@cache
def trial() -> EndpointTester:
    send = Sender(policy(), monotonic=monotonic, utcnow=now).send
    log = reading().log
    return EndpointTester(
        config=config(),
        log=log,
        events=SampleEvents(log=log, types=cataloguing().types, now=now, random_bytes=os.urandom),
        rate_limits=Limits(config_table()),
        limits=tenancy().limits,
        attempter=Attempter(vault=vault(), tokens=TokenCache(send, now), send=send, now=now),
        now=now,
    )


@cache
def dry_run() -> DryRun:
    return DryRun(config=config(), log=reading().log, lists=reading().lists, now=now)


@cache
def cataloguing() -> CatalogueService:
    return CatalogueService(config())


@cache
def overview() -> EventTypeOverview:
    return EventTypeOverview(
        config=config(),
        lists=reading().lists,
        stats=stats_store(),
        types=cataloguing().types,
        now=now,
    )


@cache
def reading() -> DeliveryReader:
    return DeliveryReader(
        config=config(),
        log=LogStore(log_table()),
        lists=LogLists(log_table()),
        limits=tenancy().limits,
        now=now,
    )


@cache
def stats_store() -> StatsStore:
    return StatsStore(log_table())


@cache
def statistics() -> Statistics:
    return Statistics(config=config(), stats=stats_store(), now=now)


@cache
def warning_signs() -> WarningSigns:
    return WarningSigns(
        config=config(),
        log=reading().log,
        census=Inventory(log_table()),
        stats=stats_store(),
        now=now,
    )


@cache
def conservation() -> Reconciliation:
    return conservation_check.conservation(
        dynamodb(),
        sqs(),
        config_table=settings().config_table_name,
        log_table=settings().log_table_name,
        retry_queue_url=settings().retry_queue_url,
    )


@cache
def counting() -> StreamConsumer:
    return StreamConsumer(stats_store(), job_progress())


@cache
def erasing() -> PayloadEraser:
    return PayloadEraser(log=reading().log, table=log_table(), reader=reading(), now=now)


@cache
def recovery() -> Resender:
    return Resender(
        config=config(),
        log=reading().log,
        reader=reading(),
        retry_queue=retry_queue(),
        now=now,
    )


@cache
def searching() -> DeliverySearch:
    return DeliverySearch(reader=reading(), log=reading().log, now=now)


@cache
def job_store() -> JobStore:
    return JobStore(log_table())


@cache
def job_progress() -> JobTracker:
    return JobTracker(job_store(), StreamCounters(log_table()), now)


@cache
def runs() -> JobExecutions:
    return JobExecutions(
        StateMachine(boto3.client("stepfunctions"), settings().job_state_machine_arn)
    )


@cache
def jobs() -> JobService:
    return JobService(
        config=config(),
        reader=reading(),
        store=job_store(),
        runs=runs(),
        progress=job_progress(),
        limits=tenancy().limits,
        now=now,
        random_bytes=os.urandom,
    )


@cache
def exporting() -> Exporter:
    return Exporter(
        reader=reading(),
        lists=reading().lists,
        jobs=job_store(),
        store=ExportStore(log_table()),
        bucket=ExportBucket(boto3.client("s3", config=CONFIG), settings().export_bucket_name),
    )


@cache
def resuming() -> EndpointResumer:
    return EndpointResumer(configuration(), jobs())


@cache
def stepping() -> JobRunner:
    replaying = ReplayStep(
        config=config(),
        log=reading().log,
        lists=reading().lists,
        jobs=job_store(),
        retry_queue=retry_queue(),
        now=now,
    )
    return JobRunner(
        jobs=job_store(),
        runs=runs(),
        progress=job_progress(),
        kinds=dict.fromkeys(JobKind, replaying.step) | {JobKind.EXPORT: exporting().step},
        now=now,
    )


def now() -> datetime:
    return datetime.now(UTC)
