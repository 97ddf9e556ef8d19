"""Step Functions: start an execution of one state machine, at most once by its name."""

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
        """Start an execution with this input. Starting it twice is harmless.

        While one of that name runs, and for 90 days after it, AWS starts no second one.
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
