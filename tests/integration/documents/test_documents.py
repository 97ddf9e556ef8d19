"""README and docs: every path, route, parameter, state and reference exists."""

import importlib
import json
import re
from dataclasses import replace
from datetime import timedelta
from operator import attrgetter
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from local.run import PORTS
from posthorn.aws.eventbridge import Announcement, Announcer
from posthorn.dispatch.endpoint_health import DISABLE_AFTER, WARN_AFTER, EndpointHealth
from posthorn.egress import advice
from posthorn.egress.advice import MAX_REDIRECTS
from posthorn.egress.http_client import CONNECT_TIMEOUT_SECONDS
from posthorn.egress.response_reader import KEPT_BYTES
from posthorn.egress.wire import READ_LIMIT_BYTES
from posthorn.events.ingestion import MAX_WARNINGS
from posthorn.models import (
    DEFAULT_RETRY_DELAYS_SECONDS,
    MAX_ATTEMPTS,
    MAX_RETRY_SPAN_SECONDS,
    DeliveryStatus,
)
from posthorn.models.retry_schedule import JITTER, RETRY_AFTER_CAP_SECONDS
from posthorn.subscriptions.matching import Verdict
from tests.integration.documents.documents import (
    ARCHITECTURE,
    DECISIONS,
    DOCUMENTS,
    OPERATIONS,
    README,
    code,
    slugs,
    table,
)
from tests.support import template_facts
from tests.support.template_facts import ROOT, TEMPLATE
from tests.support.world import ORDER, World, answered

LAYER, FUNCTIONS = ROOT / "layers" / "posthorn" / "posthorn", ROOT / "functions"
LONGEST_LINE = 130
DAY = timedelta(days=1)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ROUTES = {route for name in template_facts.functions() for route in template_facts.routes(name)}
DOCUMENTATION = {("GET", "/openapi.json"), ("GET", "/docs")}
PAGES = set(template_facts.routes("ConsoleFunction"))


@pytest.mark.parametrize(
    ("name", "lines"),
    [("README.md", 150), ("CONTRIBUTING.md", 60), ("docs/architecture.md", 150)],
)
def test_the_entry_documents_are_short(name: str, lines: int) -> None:
    assert len(DOCUMENTS[name].splitlines()) <= lines


@pytest.mark.parametrize("name", DOCUMENTS)
def test_lines_of_documents_fit_on_a_screen(name: str) -> None:
    lines = DOCUMENTS[name].splitlines()

    assert [line for line in lines if len(line) > LONGEST_LINE] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_relative_link_leads_somewhere(name: str) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", DOCUMENTS[name]):
        path, _, anchor = link.partition("#")
        if urlsplit(link).scheme:
            continue
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), link
        assert not anchor or anchor in slugs(target.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_make_target_exists(name: str) -> None:
    makefile = (ROOT / "Makefile").read_text()
    commands = re.findall(r"(?:^|`)make ([a-z][a-z-]*)", DOCUMENTS[name], re.MULTILINE)

    assert set(commands) <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_path_of_the_repository_exists(name: str) -> None:
    blocks = re.findall(r"^([\w./*-]+/[\w./*-]*)(?=[, ])", DOCUMENTS[name], re.MULTILINE)
    spans = [span for span in code(DOCUMENTS[name]) if re.fullmatch(r"[\w.-]+/[\w./*-]*", span)]
    folders = {path.name for path in ROOT.iterdir()}

    for path in (*blocks, *spans):
        if path.partition("/")[0] in folders:
            assert list(ROOT.glob(path.rstrip("/"))), path


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_route_exists(name: str) -> None:
    text = " ".join(DOCUMENTS[name].replace("$ID", "{id}").split())
    paths = {path for _, path in ROUTES}

    for method, path in re.findall(r"\b(?:(GET|POST|PUT|PATCH|DELETE) )?(/v1/[\w{}/-]+)", text):
        named = re.sub(r"/(tenants)/[a-z]+$", r"/\1/{id}", path)
        named = re.sub(r"/versions/\d+/", "/versions/{version}/", named)
        assert named in paths, path
        assert not method or (method, named) in ROUTES, f"{method} {path}"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_environment_variable_is_read_somewhere(name: str) -> None:
    layer = (ROOT / "layers" / "dependencies" / "Makefile").read_text()

    for variable in re.findall(r"\bPOSTHORN_\w+", DOCUMENTS[name]):
        assert variable in PORTS or variable in layer, variable


@pytest.mark.parametrize("name", ["README.md", "docs/operations.md"])
def test_parameters_are_those_of_the_template_with_their_defaults(name: str) -> None:
    told: dict[str, str] = {}
    for names, defaults, _ in table(DOCUMENTS[name], "parameter"):
        listed = code(names)
        values = defaults.split(", ")
        told |= zip(listed, values if len(values) > 1 else values * len(listed), strict=True)

    assert told == {
        parameter: str(own["Default"]) or "empty"
        for parameter, own in TEMPLATE["Parameters"].items()
    }


def test_the_ports_of_make_run_are_named_with_their_defaults() -> None:
    (sentence,) = re.findall(r"`POSTHORN_PORT` and [^.]+\.", README)

    assert re.findall(r"\d+", sentence) == [str(port) for port in PORTS.values()]


def test_the_api_table_has_every_route_with_its_methods() -> None:
    told = {
        (method, path)
        for paths, methods, _ in table(README, "path")
        for path in code(paths)
        for method in METHODS
        if re.search(rf"\b{method}\b", methods)
    }

    assert told == ROUTES - DOCUMENTATION - PAGES


def test_every_alarm_has_instructions() -> None:
    told = [code(alarm)[0] for alarm, _, _ in table(OPERATIONS, "alarm")]

    assert sorted(told) == sorted(template_facts.of_type("AWS::CloudWatch::Alarm"))


def test_every_operational_event_is_described() -> None:
    assert {code(row[0])[0] for row in table(OPERATIONS, "`detail-type`")} == set(Announcement)


def test_operational_events_have_the_described_fields(world: World) -> None:
    taken: dict[str, set[str]] = {}
    client = boto3.client("events")

    def take(params: dict[str, Any], **_: object) -> None:
        for entry in params["Entries"]:
            taken[entry["DetailType"]] = set(json.loads(entry["Detail"]))

    client.meta.events.register("provide-client-params.events.PutEvents", take)
    announcer = Announcer(client, "default")
    endpoint_health = EndpointHealth(world.config, announcer, world.clock)
    world.dispatcher = replace(
        world.dispatcher, announcer=announcer, endpoint_health=endpoint_health
    )
    never_again = {"kind": "schedule", "delays_seconds": []}
    world.answers[world.endpoint("failing", retry=never_again).url] = lambda _: answered(500)
    world.answers[world.endpoint("gone").url] = lambda _: answered(410)

    for days in (0, 3):
        world.later(days=days)
        world.publish()
        world.take_events()
    for source in ("WEB", "POS"):
        data = {**ORDER, "Source": source}
        world.publish({"type": "OrderReceivedEvent", "id": "order-1", "data": data})
        world.take_events()

    always = set(code(OPERATIONS.partition("Each `detail` has")[2].partition(":")[0]))
    told = {
        code(row[0])[0]: always | set(code(row[2])) for row in table(OPERATIONS, "`detail-type`")
    }
    assert taken == told


def test_the_outputs_that_commands_use_are_outputs() -> None:
    named = re.findall(r"\b\w+Queue(?:Url|Arn)\b|\bAlarmTopicArn\b|\bApiUrl\b", OPERATIONS + README)

    assert named
    assert set(named) <= set(TEMPLATE["Outputs"])


def test_every_sample_event_is_named() -> None:
    samples = {path.name for path in (ROOT / "events").iterdir()}

    named = {name.rpartition("/")[2] for name in code(DOCUMENTS["CONTRIBUTING.md"])}
    assert named >= samples


def test_architecture_names_every_state_verdict_and_package() -> None:
    diagram = ARCHITECTURE.partition("stateDiagram-v2")[2].partition("```")[0]
    packages = {path.parent.name for path in LAYER.glob("*/__init__.py")}

    assert set(re.findall(r"[a-z]{4,}(?= -->)|(?<=--> )[a-z]+", diagram)) == set(DeliveryStatus)
    assert set(code(ARCHITECTURE)) >= set(Verdict)
    listed = [code(row[0]) for row in table(ARCHITECTURE, "package")]
    assert {name for names in listed for name in names} == packages | {"wiring"}


def test_the_storage_page_names_every_index() -> None:
    indexes = template_facts.properties("LogTable")["GlobalSecondaryIndexes"]

    assert [code(row[0])[0] for row in table(DOCUMENTS["docs/storage.md"], "index")] == [
        index["IndexName"] for index in indexes
    ]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_reference_to_code_exists(name: str) -> None:
    """`package/module` and `package/module:name`, of the layer or of the functions."""
    assert [span for span in code(DOCUMENTS[name]) if is_broken_reference(span)] == []


def is_broken_reference(span: str) -> bool:
    match = re.fullmatch(r"(\w+(?:/\w+)+)(?::([\w.]+))?", span)
    layer, functions = ({path.name for path in root.iterdir()} for root in (LAYER, FUNCTIONS))
    top = span.partition("/")[0]
    if match is None or top not in layer | functions:
        return False
    module, names = match.groups()
    try:
        root = "" if top in functions else "posthorn."
        thing = importlib.import_module(root + module.replace("/", "."))
        return names is not None and attrgetter(names)(thing) is None
    except (ImportError, AttributeError):
        return True


def test_each_decision_has_a_row_and_an_entry_of_its_number() -> None:
    rows = [re.fullmatch(r"\[(\d+)\]\(#d(\d+)\)", row[0]) for row in table(DECISIONS, "no.")]
    numbers = [int(row[1]) for row in rows if row and row[1] == row[2]]

    assert len(set(numbers)) == len(numbers) == len(rows)
    assert sorted(map(int, re.findall(r"^### D(\d+)$", DECISIONS, re.MULTILINE))) == sorted(numbers)


def test_the_rules_of_delivery_have_the_numbers_of_the_code() -> None:
    text = " ".join(DOCUMENTS["docs/delivery-rules.md"].split())
    minutes = round(sum(DEFAULT_RETRY_DELAYS_SECONDS) / 60)

    for sentence in (
        f"{len(DEFAULT_RETRY_DELAYS_SECONDS)} retries over {minutes // 60} h {minutes % 60} min",
        f"at most {MAX_ATTEMPTS} attempts, and its delays add up to at most"
        f" {MAX_RETRY_SPAN_SECONDS // 86_400} days",
        f"a random ±{JITTER:.0%}".replace("%", " %"),
        f"a lower bound of the delay, up to {RETRY_AFTER_CAP_SECONDS / 3600:g} hours",
        f"{CONNECT_TIMEOUT_SECONDS:g} seconds for DNS, connection and TLS",
        f"{READ_LIMIT_BYTES // 1024} KiB read, of which {KEPT_BYTES // 1024} KiB of the body",
        f"followed up to {MAX_REDIRECTS} times",
        f"{WARN_AFTER / DAY:g} days of failures",
        f"{DISABLE_AFTER / DAY:g} days of failures",
        f"the first {MAX_WARNINGS} violations",
    ):
        assert sentence in text


def test_the_first_hour_quotes_the_advice_that_it_changes() -> None:
    text = " ".join(DOCUMENTS["docs/first-hour.md"].split())
    now = advice.response_advice(503, {}, sent={})

    assert f'"A{now[1:]}."' in text
    assert f'503: "{now.removeprefix("answered 503: ")}: ' in text


def test_the_test_of_the_first_hour_fails_before_its_change() -> None:
    (block,) = re.findall(
        r"^```python\n(def .*?)^```$", DOCUMENTS["docs/first-hour.md"], re.M | re.S
    )
    names: dict[str, Any] = {"advice": advice}
    exec(block, names)  # noqa: S102 - our own document

    with pytest.raises(AssertionError):
        names["test_503_hints_at_maintenance"]()
