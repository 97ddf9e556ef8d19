"""Create the first admin key of a stack: `python -m posthorn.admin_key_cli --stack-name …`.

Other keys are created through the API with this one. The key is printed on standard output only.
"""

import argparse
import os
import sys
from datetime import UTC, datetime
from functools import partial

import boto3

from posthorn.aws.config_table import ConfigStore
from posthorn.aws.dynamodb import Table
from posthorn.models import Scope
from posthorn.tenants.api_keys import ApiKeyService


def create(table_name: str, *, name: str = "first admin") -> str:
    """Store a new admin key in this ConfigTable and return its text."""
    config = ConfigStore(Table(boto3.client("dynamodb"), table_name))
    keys = ApiKeyService(config, now=partial(datetime.now, UTC), random_bytes=os.urandom)
    _, text = keys.create_key(name=name, tenant=None, scopes=[Scope.ADMIN], by="operator")
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--stack-name", help="a deployed stack, which names its ConfigTable")
    where.add_argument("--table-name", help="the ConfigTable itself")
    parser.add_argument("--name", default="first admin", help="the name of the key")
    arguments = parser.parse_args()
    table = arguments.table_name or _table_of(arguments.stack_name)
    sys.stdout.write(create(table, name=arguments.name) + "\n")


def _table_of(stack_name: str) -> str:
    answer = boto3.client("cloudformation").describe_stack_resource(
        StackName=stack_name, LogicalResourceId="ConfigTable"
    )
    return answer["StackResourceDetail"].get("PhysicalResourceId", "")


if __name__ == "__main__":
    main()
