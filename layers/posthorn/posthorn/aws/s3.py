"""Export files in the stack's S3 bucket, and temporary links to them."""

from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from posthorn.core.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LINK_SECONDS = 900
# With these, links use the region's host: the global host redirects for a day after the creation of
# a bucket, and the signature is invalid at the target.
CONFIG = Config(signature_version="s3v4", s3={"addressing_style": "path"})


class ExportBucket:
    """Its client must be created with CONFIG."""

    def __init__(self, client: "S3Client", name: str) -> None:
        self._client = client
        self._name = name

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Write or overwrite a file; raise UnavailableError."""
        try:
            self._client.put_object(
                Bucket=self._name, Key=key, Body=content, ContentType=content_type
            )
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError("the bucket did not accept the file") from error

    def link(self, key: str) -> str:
        """A link that permits everybody to read the file for LINK_SECONDS."""
        return self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._name, "Key": key}, ExpiresIn=LINK_SECONDS
        )
