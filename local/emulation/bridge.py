"""Bridges over the gaps of the emulator (ministack 1.5.33) in a deployment, one function per gap.

`tests/e2e/test_emulator_gaps.py` checks that each gap still exists, so an upgrade of the emulator
shows which function can be removed.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from local.emulation.emulator import ACCOUNT, API_HOST, REGION, Emulator


class Resource(NamedTuple):
    logical_id: str
    physical_id: str
    properties: dict[str, Any]


@dataclass(frozen=True)
class Deployment:
    """The processed template of a deployed stack."""

    emulator: Emulator
    resources: dict[str, list[Resource]]  # by type

    def of_type(self, kind: str) -> list[Resource]:
        return self.resources.get(kind, [])

    def physical_ids(self) -> dict[str, str]:
        made = (resource for kind in self.resources.values() for resource in kind)
        return {resource.logical_id: resource.physical_id for resource in made}


def read_deployment(emulator: Emulator, stack_name: str) -> Deployment:
    cloudformation = emulator.client("cloudformation")
    template = cloudformation.get_template(StackName=stack_name, TemplateStage="Processed")
    declared = template["TemplateBody"]["Resources"]
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_name)
    resources: dict[str, list[Resource]] = {}
    for page in pages:
        for made in page["StackResourceSummaries"]:
            logical_id, kind = made["LogicalResourceId"], made["ResourceType"]
            properties = declared[logical_id].get("Properties", {})
            resource = Resource(logical_id, made["PhysicalResourceId"], properties)
            resources.setdefault(kind, []).append(resource)
    return Deployment(emulator, resources)


def bridge_gaps(deployment: Deployment) -> None:
    route_http_api(deployment)
    serve_api_at_loopback(deployment)
    enable_time_to_live(deployment)
    limit_pollers(deployment)


def route_http_api(deployment: Deployment) -> None:
    """Gap: an HTTP API gets no routes, because the OpenAPI `Body` that SAM writes is ignored."""
    gateway = deployment.emulator.client("apigatewayv2")
    for api in deployment.of_type("AWS::ApiGatewayV2::Api"):
        schemes = api.properties["Body"]["components"]["securitySchemes"]
        authorizers = {
            name: _create_authorizer(gateway, deployment, api, name=name) for name in schemes
        }
        integrations: dict[str, str] = {}
        for path, operations in api.properties["Body"]["paths"].items():
            for method, operation in operations.items():
                uri = _invocation_uri(
                    deployment, operation["x-amazon-apigateway-integration"]["uri"]
                )
                if uri not in integrations:
                    integrations[uri] = _create_integration(gateway, api, uri)
                gateway.create_route(
                    ApiId=api.physical_id,
                    RouteKey=_route_key(method, path),
                    Target=f"integrations/{integrations[uri]}",
                    **_authorization(operation, authorizers),
                )


def _create_authorizer(gateway: Any, deployment: Deployment, api: Resource, *, name: str) -> str:
    scheme = api.properties["Body"]["components"]["securitySchemes"][name]
    authorizer = scheme["x-amazon-apigateway-authorizer"]
    created = gateway.create_authorizer(
        ApiId=api.physical_id,
        Name=name,
        AuthorizerType="REQUEST",
        AuthorizerUri=_invocation_uri(deployment, authorizer["authorizerUri"]),
        AuthorizerPayloadFormatVersion=authorizer["authorizerPayloadFormatVersion"],
        AuthorizerResultTtlInSeconds=authorizer["authorizerResultTtlInSeconds"],
        EnableSimpleResponses=authorizer["enableSimpleResponses"],
        IdentitySource=authorizer["identitySource"],
    )
    return str(created["AuthorizerId"])


def _create_integration(gateway: Any, api: Resource, uri: str) -> str:
    created = gateway.create_integration(
        ApiId=api.physical_id,
        IntegrationType="AWS_PROXY",
        IntegrationUri=uri,
        PayloadFormatVersion="2.0",
    )
    return str(created["IntegrationId"])


def _authorization(operation: dict[str, Any], authorizers: dict[str, str]) -> dict[str, str]:
    names = [name for requirement in operation.get("security", ()) for name in requirement]
    ids = [authorizers[name] for name in names if name in authorizers]  # NONE is no authorizer
    return {"AuthorizationType": "CUSTOM", "AuthorizerId": ids[0]} if ids else {}


def _route_key(method: str, path: str) -> str:
    return f"{'ANY' if method == 'x-amazon-apigateway-any-method' else method.upper()} {path}"


def _invocation_uri(deployment: Deployment, uri: object) -> str:
    """The function named in a `Fn::Sub` that SAM wrote; it names exactly one."""
    words = set(re.findall(r"\w+", json.dumps(uri)))
    functions = deployment.of_type("AWS::Lambda::Function")
    (name,) = (made.physical_id for made in functions if made.logical_id in words)
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    return f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"


def serve_api_at_loopback(deployment: Deployment) -> None:
    """Gap: the host of the API, `<id>.execute-api.localhost`, resolves in browsers and curl only.

    A custom domain with the loopback address as its name serves it at the emulator's own port.
    """
    gateway = deployment.emulator.client("apigatewayv2")
    gateway.create_domain_name(DomainName=API_HOST)
    for api in deployment.of_type("AWS::ApiGatewayV2::Api"):
        gateway.create_api_mapping(DomainName=API_HOST, ApiId=api.physical_id, Stage="$default")


def enable_time_to_live(deployment: Deployment) -> None:
    """Gap: `TimeToLiveSpecification` of a table is ignored."""
    dynamodb = deployment.emulator.client("dynamodb")
    for table in deployment.of_type("AWS::DynamoDB::Table"):
        if specification := table.properties.get("TimeToLiveSpecification"):
            dynamodb.update_time_to_live(
                TableName=table.physical_id, TimeToLiveSpecification=specification
            )


def limit_pollers(deployment: Deployment) -> None:
    """Gap: a `MaximumConcurrency` that is a parameter stays text, and no queue is polled at all.

    As workers are not capped otherwise, it is also what keeps a burst from starting dozens.
    """
    functions = deployment.emulator.client("lambda")
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        if scaling := mapping.get("ScalingConfig"):
            functions.update_event_source_mapping(
                UUID=mapping["UUID"],
                ScalingConfig={"MaximumConcurrency": int(scaling["MaximumConcurrency"])},
            )
