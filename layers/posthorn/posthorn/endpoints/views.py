"""Endpoints and their secrets as the API shows them."""

from pydantic import Field

from posthorn.core import api_examples
from posthorn.endpoints.certificates import TlsView, tls_view
from posthorn.models import (
    ConfigWarning,
    Endpoint,
    EndpointSpec,
    EndpointStatus,
    Model,
    Signing,
    Time,
)
from posthorn.models.paging import ONLY_IF_SET


class SigningView(Signing):
    """`secret` is only in the answer to the request that created it."""

    public_key: str | None = ONLY_IF_SET
    secret: str | None = ONLY_IF_SET


class EndpointView(EndpointSpec):
    """A saved endpoint: its settings and its status."""

    model_config = api_examples.shown(api_examples.ENDPOINT)

    id: str
    tls: TlsView
    signing: SigningView
    status: EndpointStatus
    status_reason: str | None
    warnings: list[ConfigWarning] = Field(
        description="Settings that are valid and probably mistaken, as found when they were saved"
    )
    version: int
    created_at: Time
    updated_at: Time
    updated_by: str


class ChangedEndpointView(EndpointView):
    """The endpoint after a change; when that enabled it, its held deliveries."""

    held_count: int | None = ONLY_IF_SET
    held_advice: str | None = ONLY_IF_SET


class RotationSpec(Model):
    model_config = api_examples.shown({"overlap_hours": 24})

    overlap_hours: float = Field(
        default=24, ge=0, le=168, description="How long the old secret also signs"
    )


class SecretView(Model):
    model_config = api_examples.shown({"secret": api_examples.SECRET})

    secret: str


class PublicKeyView(Model):
    model_config = api_examples.shown({"public_key": api_examples.PUBLIC_KEY})

    public_key: str


def endpoint_view(endpoint: Endpoint, *, secret: str | None = None) -> EndpointView:
    hidden = {"tenant", "sealed", "public_key", "disabled_by", "signing", "tls"}
    seen = endpoint.model_dump(exclude=hidden)
    signing = SigningView(
        scheme=endpoint.signing.scheme, public_key=endpoint.public_key, secret=secret
    )
    return EndpointView(**seen, signing=signing, tls=tls_view(endpoint.tls))
