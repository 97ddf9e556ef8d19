"""The settings of the stack, read once from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from posthorn.core.errors import PosthornError


class SettingsError(PosthornError):
    """An environment variable is missing or malformed: the deployment is at fault."""

    code = "bad_settings"


@dataclass(frozen=True)
class Settings:
    """Each field is the environment variable of the same name in upper case, from template.yaml."""

    config_table_name: str
    log_table_name: str
    event_queue_url: str
    retry_queue_url: str
    retry_state_machine_arn: str
    job_state_machine_arn: str
    export_bucket_name: str
    secrets_key_arn: str
    operations_bus_name: str  # empty: operational events are not published
    retention_days: int
    allow_http: bool
    allow_private_addresses: bool
    require_test: bool  # before a disabled endpoint is enabled

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Raise SettingsError, naming the variable, if one is missing or malformed."""
        return cls(**{field.name: _read(environ, field.name, field.type) for field in fields(cls)})


def _read(environ: Mapping[str, str], name: str, kind: object) -> Any:
    variable = name.upper()
    value = environ.get(variable)
    if value is None:
        raise SettingsError(f"environment variable {variable} is not set")
    if kind is str:
        return value
    if kind is bool and value in ("true", "false"):
        return value == "true"
    if kind is int and value.isdecimal():
        return int(value)
    raise SettingsError(f"environment variable {variable} has a malformed value")
