"""The authorizer of the API: returns the key's tenant and scopes, or refuses the caller."""

import os
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from posthorn.aws.config_table import ConfigStore
from posthorn.aws.dynamodb import Table
from posthorn.core.settings import Settings
from posthorn.tenants.api_keys import ApiKeyService

logger = Logger()


@cache
def api_keys() -> ApiKeyService:
    settings = Settings.from_env(os.environ)
    table = Table(boto3.client("dynamodb"), settings.config_table_name)
    now = partial(datetime.now, UTC)
    return ApiKeyService(ConfigStore(table), now=now, random_bytes=os.urandom)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    caller = api_keys().caller(event.get("headers", {}).get("authorization", ""))
    if caller is None:
        logger.info("refused", path=event.get("rawPath"))
        return {"isAuthorized": False}
    logger.info("let in", key_id=caller.key_id, tenant=caller.tenant)
    return {
        "isAuthorized": True,
        "context": {
            "key_id": caller.key_id,
            "tenant": caller.tenant or "",
            "scopes": " ".join(caller.scopes),
        },
    }
