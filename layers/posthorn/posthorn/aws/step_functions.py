"""Start executions of a Step Functions state machine, once per name."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from posthorn.core.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class StateMachine:
    def __init__(self, client: "SFNClient", arn: str) -> None:
        self._client = client
        self._arn = arn

    def start(self, name: str, document: Mapping[str, Any]) -> None:
        """Start an execution with this input; raise UnavailableError. Repeating it is harmless.

        AWS starts no second execution of the same name while one runs and for 90 days after.
        """
        try:
            self._client.start_execution(
                stateMachineArn=self._arn, name=name, input=json.dumps(document)
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise UnavailableError("the execution could not be started") from error
        except BotoCoreError as error:
            raise UnavailableError("the execution could not be started") from error
