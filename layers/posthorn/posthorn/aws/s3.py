"""S3: the files of exports in the stack's bucket, and links to them that work for a while."""

from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from posthorn.core.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LINK_SECONDS = 900
# Links name the region's own host with these two: the global one redirects, for a day after the
# bucket was made, to where the signature does not hold.
CONFIG = Config(signature_version="s3v4", s3={"addressing_style": "path"})


class ExportBucket:
    """The client is made with CONFIG."""

    def __init__(self, client: "S3Client", name: str) -> None:
        self._client = client
        self._name = name

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Write a file, or write it anew; raise UnavailableError when S3 did not take it."""
        try:
            self._client.put_object(
                Bucket=self._name, Key=key, Body=content, ContentType=content_type
            )
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError("the bucket did not take the file") from error

    def link(self, key: str) -> str:
        """A link with which anybody may read this file for LINK_SECONDS."""
        return self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._name, "Key": key}, ExpiresIn=LINK_SECONDS
        )
