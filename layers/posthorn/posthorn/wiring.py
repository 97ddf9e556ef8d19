"""The use cases, built on first use for the functions: importing has no side effects."""

import os
from datetime import UTC, datetime
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING

import boto3

from posthorn import conservation_check
from posthorn.access import Access
from posthorn.attempting import Attempter
from posthorn.cataloguing import Cataloguing
from posthorn.census import Census
from posthorn.config_store import ConfigStore
from posthorn.configuration import Configuration
from posthorn.conservation import Conservation
from posthorn.counting import Counting
from posthorn.drafts import Drafts
from posthorn.dry_run import DryRun
from posthorn.egress import EgressPolicy
from posthorn.erasing import Erasing
from posthorn.export_bucket import CONFIG, ExportBucket
from posthorn.export_store import ExportStore
from posthorn.exporting import Exporting
from posthorn.history import History
from posthorn.job import JobKind
from posthorn.job_progress import JobProgress
from posthorn.job_store import JobStore
from posthorn.jobs import Jobs
from posthorn.limits import Limits
from posthorn.log_eraser import LogEraser
from posthorn.log_lists import LogLists
from posthorn.log_store import LogStore
from posthorn.overview import Overview
from posthorn.portal_links import PortalLinks
from posthorn.queues import Queue
from posthorn.reading import Reading
from posthorn.recovery import Recovery
from posthorn.replaying import Replaying
from posthorn.resuming import Resuming
from posthorn.searching import Searching
from posthorn.sender import Sender
from posthorn.sessions import Sessions
from posthorn.settings import Settings
from posthorn.state_machines import StateMachine
from posthorn.statistics import Statistics
from posthorn.stats_store import StatsStore
from posthorn.stepping import Runs, Stepping
from posthorn.tables import Table
from posthorn.tallies import Tallies
from posthorn.tenancy import Tenancy
from posthorn.terms import Terms
from posthorn.tokens import Tokens
from posthorn.trial import Trial
from posthorn.trial_events import TrialEvents
from posthorn.vault import Vault
from posthorn.warning_signs import WarningSigns

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
def access() -> Access:
    return Access(config(), now=now, chance=os.urandom)


@cache
def tenancy() -> Tenancy:
    return Tenancy(config(), Terms(settings().retention_days), now=now)


@cache
def sessions() -> Sessions:
    return Sessions(log_table(), config(), now=now, chance=os.urandom)


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
def configuration() -> Configuration:
    return Configuration(
        config=config(),
        vault=vault(),
        policy=policy(),
        terms=tenancy().terms,
        now=now,
        chance=os.urandom,
        require_test=settings().require_test,
    )


@cache
def history() -> History:
    return History(config(), vault())


@cache
def drafts() -> Drafts:
    return Drafts(configuration())


@cache
def trial() -> Trial:
    send = Sender(policy(), monotonic=monotonic, utcnow=now).send
    log = reading().log
    return Trial(
        config=config(),
        log=log,
        events=TrialEvents(log=log, types=cataloguing().types, now=now, chance=os.urandom),
        limits=Limits(config_table()),
        terms=tenancy().terms,
        attempter=Attempter(vault=vault(), tokens=Tokens(send, now), send=send, now=now),
        now=now,
    )


@cache
def dry_run() -> DryRun:
    return DryRun(config=config(), log=reading().log, lists=reading().lists, now=now)


@cache
def cataloguing() -> Cataloguing:
    return Cataloguing(config())


@cache
def overview() -> Overview:
    return Overview(
        config=config(),
        lists=reading().lists,
        stats=stats_store(),
        types=cataloguing().types,
        now=now,
    )


@cache
def reading() -> Reading:
    return Reading(
        config=config(),
        log=LogStore(log_table()),
        lists=LogLists(log_table()),
        terms=tenancy().terms,
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
        census=Census(log_table()),
        stats=stats_store(),
        now=now,
    )


@cache
def conservation() -> Conservation:
    return conservation_check.conservation(
        dynamodb(),
        sqs(),
        config_table=settings().config_table_name,
        log_table=settings().log_table_name,
        retry_queue_url=settings().retry_queue_url,
    )


@cache
def counting() -> Counting:
    return Counting(stats_store(), job_progress())


@cache
def erasing() -> Erasing:
    return Erasing(log=reading().log, eraser=LogEraser(log_table()), reading=reading(), now=now)


@cache
def recovery() -> Recovery:
    return Recovery(
        config=config(),
        log=reading().log,
        reading=reading(),
        retry_queue=retry_queue(),
        now=now,
    )


@cache
def searching() -> Searching:
    return Searching(reading=reading(), log=reading().log, now=now)


@cache
def job_store() -> JobStore:
    return JobStore(log_table())


@cache
def job_progress() -> JobProgress:
    return JobProgress(job_store(), Tallies(log_table()), now)


@cache
def runs() -> Runs:
    return Runs(StateMachine(boto3.client("stepfunctions"), settings().job_state_machine_arn))


@cache
def jobs() -> Jobs:
    return Jobs(
        config=config(),
        reading=reading(),
        store=job_store(),
        runs=runs(),
        progress=job_progress(),
        terms=tenancy().terms,
        now=now,
        chance=os.urandom,
    )


@cache
def exporting() -> Exporting:
    return Exporting(
        reading=reading(),
        lists=reading().lists,
        jobs=job_store(),
        store=ExportStore(log_table()),
        bucket=ExportBucket(boto3.client("s3", config=CONFIG), settings().export_bucket_name),
    )


@cache
def resuming() -> Resuming:
    return Resuming(configuration(), jobs())


@cache
def stepping() -> Stepping:
    replaying = Replaying(
        config=config(),
        log=reading().log,
        lists=reading().lists,
        jobs=job_store(),
        retry_queue=retry_queue(),
        now=now,
    )
    return Stepping(
        jobs=job_store(),
        runs=runs(),
        progress=job_progress(),
        kinds=dict.fromkeys(JobKind, replaying.step) | {JobKind.EXPORT: exporting().step},
        now=now,
    )


def now() -> datetime:
    return datetime.now(UTC)
