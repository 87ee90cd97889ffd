"""A real httpbin: an upstream that we did not write."""

from contextlib import AbstractContextManager

from tests.peers.gunicorn import missing, served

__all__ = ["httpbin_missing", "running_httpbin"]


def httpbin_missing() -> str | None:
    """Why httpbin cannot run here, or None."""
    return missing("httpbin")


def running_httpbin() -> AbstractContextManager[str]:
    """Its base URL."""
    return served("httpbin:app", "/status/200", 8)
