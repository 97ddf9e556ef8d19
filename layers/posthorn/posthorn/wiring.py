"""The composition of the API and the console: services, each built on its first use."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

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
from posthorn.dispatch.attempt import attempter
from posthorn.dispatch.resend import Resender
from posthorn.dispatch.tenant_cache import TenantCache
from posthorn.egress.url_guard import EgressPolicy
from posthorn.endpoint_tests.drafts import Drafts
from posthorn.endpoint_tests.dry_run import DryRun
from posthorn.endpoint_tests.preview_and_test import EndpointTester
from posthorn.endpoint_tests.sample_events import SampleEvents
from posthorn.endpoints.history import EndpointHistoryReader
from posthorn.endpoints.service import EndpointService
from posthorn.events.catalogue import CatalogueService
from posthorn.jobs.export import Exporter, ExportStore
from posthorn.jobs.runner import JobExecutions
from posthorn.jobs.service import EndpointRemover, EndpointResumer, JobService
from posthorn.jobs.store import JobStore
from posthorn.jobs.tracker import JobTracker
from posthorn.models import EffectiveLimits, Endpoint
from posthorn.monitoring.event_type_overview import EventTypeOverview
from posthorn.monitoring.statistics import Statistics
from posthorn.monitoring.stats_store import StatsStore
from posthorn.monitoring.warnings import WarningSigns
from posthorn.tenants.api_keys import ApiKeyService
from posthorn.tenants.console_sessions import SessionStore
from posthorn.tenants.portal_links import PortalLinks
from posthorn.tenants.rate_limits import RateLimits
from posthorn.tenants.tenants import TenantService

READS_AT_ONCE = 10  # a page makes at most 20 calls

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@cache
def settings() -> Settings:
    return Settings.from_env(os.environ)


@cache
def dynamodb() -> "DynamoDBClient":
    """One for both tables: a client takes time to create and has its own connections."""
    return boto3.client("dynamodb", config=Config(max_pool_connections=READS_AT_ONCE))


@cache
def config_table() -> Table:
    return Table(dynamodb(), settings().config_table_name)


@cache
def log_table() -> Table:
    return Table(dynamodb(), settings().log_table_name)


@cache
def config() -> ConfigStore:
    return ConfigStore(config_table())


@cache
def log() -> LogStore:
    return LogStore(log_table())


@cache
def lists() -> LogLists:
    return LogLists(log_table(), ThreadPoolExecutor(READS_AT_ONCE, thread_name_prefix="read"))


@cache
def vault() -> Vault:
    return Vault(boto3.client("kms"), settings().secrets_key_arn)


@cache
def api_keys() -> ApiKeyService:
    return ApiKeyService(config(), now=now, random_bytes=os.urandom)


@cache
def tenants() -> TenantService:
    return TenantService(config(), EffectiveLimits(settings().retention_days), now=now)


@cache
def sessions() -> SessionStore:
    return SessionStore(log_table(), config(), now=now, random_bytes=os.urandom)


@cache
def portal_links() -> PortalLinks:
    return PortalLinks(config(), vault(), sessions(), now)


@cache
def endpoints() -> EndpointService:
    return EndpointService(
        config=config(),
        vault=vault(),
        policy=EgressPolicy(settings().allow_http, settings().allow_private_addresses),
        limits=tenants().limits,
        now=now,
        random_bytes=os.urandom,
        require_test=settings().require_test,
        types=catalogue().types,
    )


@cache
def endpoint_history() -> EndpointHistoryReader:
    return EndpointHistoryReader(config(), vault())


@cache
def drafts() -> Drafts:
    return Drafts(endpoints())


@cache
def endpoint_tester() -> EndpointTester:
    return EndpointTester(
        config=config(),
        log=log(),
        events=SampleEvents(log=log(), types=catalogue().types, now=now, random_bytes=os.urandom),
        rate_limits=RateLimits(config_table()),
        limits=tenants().limits,
        attempter=attempter(vault(), settings(), now),
        now=now,
    )


@cache
def dry_run() -> DryRun:
    return DryRun(log=log(), lists=lists(), now=now)


@cache
def catalogue() -> CatalogueService:
    return CatalogueService(config())


@cache
def tenant_cache() -> TenantCache:
    return TenantCache(config(), EffectiveLimits(settings().retention_days), now)


def tenant_endpoints(tenant: str) -> Sequence[Endpoint]:
    """The tenant's endpoints as they are now: read again only if their stamp moved."""
    return tenant_cache().for_batch()(tenant).endpoints


@cache
def event_type_overview() -> EventTypeOverview:
    return EventTypeOverview(
        endpoints=tenant_endpoints,
        lists=lists(),
        stats=StatsStore(log_table()),
        warnings=warning_signs(),
        types=catalogue().types,
        now=now,
    )


@cache
def delivery_reader() -> DeliveryReader:
    return DeliveryReader(
        config=config(),
        log=log(),
        lists=lists(),
        limits=tenants().limits,
        now=now,
    )


@cache
def delivery_search() -> DeliverySearch:
    return DeliverySearch(reader=delivery_reader(), log=log(), now=now)


@cache
def payload_eraser() -> PayloadEraser:
    return PayloadEraser(log=log(), table=log_table(), reader=delivery_reader(), now=now)


@cache
def resender() -> Resender:
    return Resender(
        config=config(),
        log=log(),
        reader=delivery_reader(),
        retry_queue=Queue(boto3.client("sqs"), settings().retry_queue_url),
        now=now,
    )


@cache
def statistics() -> Statistics:
    return Statistics(config=config(), stats=StatsStore(log_table()), now=now)


@cache
def warning_signs() -> WarningSigns:
    return WarningSigns(
        endpoints=tenant_endpoints,
        log=log(),
        lists=lists(),
        stats=StatsStore(log_table()),
        now=now,
    )


@cache
def jobs() -> JobService:
    store = JobStore(log_table())
    machine = StateMachine(boto3.client("stepfunctions"), settings().job_state_machine_arn)
    return JobService(
        config=config(),
        reader=delivery_reader(),
        store=store,
        executions=JobExecutions(machine),
        tracker=JobTracker(store, StreamCounters(log_table()), now),
        limits=tenants().limits,
        now=now,
        random_bytes=os.urandom,
    )


@cache
def endpoint_remover() -> EndpointRemover:
    return EndpointRemover(endpoints(), jobs())


@cache
def endpoint_resumer() -> EndpointResumer:
    return EndpointResumer(endpoints(), jobs())


@cache
def exporter() -> Exporter:
    return Exporter(
        reader=delivery_reader(),
        lists=lists(),
        jobs=JobStore(log_table()),
        store=ExportStore(log_table()),
        bucket=ExportBucket(boto3.client("s3", config=CONFIG), settings().export_bucket_name),
    )


def now() -> datetime:
    return datetime.now(UTC)
