"""Settings from the environment: all are read at once, and an error names the variable."""

import pytest

from posthorn.core.settings import Settings, SettingsError

ENVIRONMENT = {
    "CONFIG_TABLE_NAME": "config",
    "LOG_TABLE_NAME": "log",
    "EVENT_QUEUE_URL": "https://sqs.example.com/1/events",
    "RETRY_QUEUE_URL": "https://sqs.example.com/1/retries",
    "RETRY_STATE_MACHINE_ARN": "arn:aws:states:eu-north-1:123456789012:stateMachine:retry",
    "JOB_STATE_MACHINE_ARN": "arn:aws:states:eu-north-1:123456789012:stateMachine:jobs",
    "EXPORT_BUCKET_NAME": "exports",
    "SECRETS_KEY_ARN": "arn:aws:kms:eu-north-1:123456789012:key/1",
    "OPERATIONS_BUS_NAME": "",
    "RETENTION_DAYS": "30",
    "ALLOW_HTTP": "false",
    "ALLOW_PRIVATE_ADDRESSES": "true",
    "REQUIRE_TEST": "false",
}


def test_the_environment_is_read_into_values_of_their_kind() -> None:
    settings = Settings.from_env({**ENVIRONMENT, "PATH": "/usr/bin"})

    assert settings.config_table_name == "config"
    assert settings.retention_days == 30
    assert settings.operations_bus_name == ""
    assert (settings.allow_http, settings.allow_private_addresses) == (False, True)


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_missing_variable_is_named(name: str) -> None:
    rest = {key: value for key, value in ENVIRONMENT.items() if key != name}

    with pytest.raises(SettingsError, match=name):
        Settings.from_env(rest)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RETENTION_DAYS", ""),
        ("RETENTION_DAYS", "-1"),
        ("RETENTION_DAYS", "30 days"),
        ("ALLOW_HTTP", ""),
        ("ALLOW_HTTP", "True"),
        ("ALLOW_HTTP", "yes"),
        ("ALLOW_PRIVATE_ADDRESSES", "1"),
    ],
)
def test_an_unreadable_variable_is_named_and_never_guessed(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_env({**ENVIRONMENT, name: value})
