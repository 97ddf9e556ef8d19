"""template.yaml and the state machine as plain data, so that tests build from the deployed stack.

Intrinsic functions keep their JSON form: `{"Ref": …}`, `{"Fn::GetAtt": [id, attribute]}`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
GLOBALS: dict[str, Any] = TEMPLATE["Globals"]["Function"]
FUNCTION = "AWS::Serverless::Function"
TABLE_ARGUMENTS = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")


@dataclass(frozen=True)
class Statement:
    """One statement of a policy. `resources` are as written, see the module."""

    sid: str | None
    actions: tuple[str, ...]
    resources: tuple[Any, ...]


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """Properties of each resource of the type, by logical id."""
    return {
        logical_id: resource.get("Properties", {})
        for logical_id, resource in TEMPLATE["Resources"].items()
        if resource["Type"] == kind
    }


def properties(logical_id: str) -> dict[str, Any]:
    found: dict[str, Any] = TEMPLATE["Resources"][logical_id]["Properties"]
    return found


def functions() -> dict[str, dict[str, Any]]:
    """Properties of each function, those that Globals give included."""
    return {logical_id: {**GLOBALS, **own} for logical_id, own in of_type(FUNCTION).items()}


def statements(logical_id: str) -> list[Statement]:
    """The statements of a function or state machine that this template writes itself."""
    policies = _listed(properties(logical_id).get("Policies", []))
    return [
        Statement(
            statement.get("Sid"),
            tuple(_listed(statement["Action"])),
            tuple(_listed(statement["Resource"])),
        )
        for policy in policies
        for statement in policy["Statement"]
    ]


def routes(function: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Event properties by method and path, for each route that the function serves."""
    events = functions()[function].get("Events", {}).values()
    served = [event["Properties"] for event in events if event["Type"] == "HttpApi"]
    return {(route["Method"], route["Path"]): route for route in served}


def table_arguments(logical_id: str, name: str) -> dict[str, Any]:
    """The arguments of `create_table` for the table of the template under this name."""
    declared = properties(logical_id)
    arguments = {"TableName": name}
    arguments |= {key: declared[key] for key in TABLE_ARGUMENTS if key in declared}
    if stream := declared.get("StreamSpecification"):
        # CloudFormation enables a stream by its view type; the API wants it said.
        arguments |= {"StreamSpecification": {"StreamEnabled": True, **stream}}
    return arguments


def state_machine_definition(logical_id: str, **substitutions: str) -> str:
    """The shipped definition as it is deployed, with these values for its `${…}`."""
    machine = properties(logical_id)
    definition = (ROOT / str(machine["DefinitionUri"])).read_text()
    for key, value in substitutions.items():
        definition = definition.replace(f"${{{key}}}", value)
    return definition


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
