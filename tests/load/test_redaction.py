"""No secret reaches the run store."""

from harness.load.redaction import command_without_secrets, without_secrets


def test_settings_lose_their_secrets_at_any_depth() -> None:
    settings = {
        "function": [{"environment": {"API_KEY": "k", "DB_PASSWORD": "p", "MODE": "x"}}],
        "tokens": ["a", "b"],
        "n": 3,
    }
    assert without_secrets(settings) == {
        "function": [{"environment": {"API_KEY": "***", "DB_PASSWORD": "***", "MODE": "x"}}],
        "tokens": ["***", "***"],
        "n": 3,
    }


def test_an_empty_secret_stays_empty() -> None:
    assert without_secrets({"session_token": None, "password": ""}) == {"session_token": None, "password": ""}


def test_urls_lose_their_users() -> None:
    assert without_secrets({"host": "http://me:secret@127.0.0.1:4566/x"}) == {"host": "http://127.0.0.1:4566/x"}
    assert without_secrets("http://[me@") == "http://[me@"
    assert without_secrets("me@example.com") == "me@example.com"


def test_command_lines_lose_the_values_of_secret_options() -> None:
    command = [
        "locust",
        "--api-key",
        "abc",
        "--token=abc",
        "-u",
        "4",
        "--host=http://a:b@localhost",
        "--password",
        "--headless",
    ]
    assert command_without_secrets(command) == [
        "locust", "--api-key", "***", "--token=***", "-u", "4", "--host=http://localhost", "--password", "--headless",
    ]  # fmt: skip
