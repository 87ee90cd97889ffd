"""moto's S3: an AWS that we did not write. It keeps objects, and checks no signature."""

from contextlib import AbstractContextManager

from tests.peers.gunicorn import missing, served

__all__ = ["moto_missing", "running_moto"]


def moto_missing() -> str | None:
    """Why moto cannot run here, or None."""
    return missing("moto", "flask")


def running_moto() -> AbstractContextManager[str]:
    """Its base URL."""
    return served("tests.peers.moto:application()", "/moto-api/", 4, "--timeout", "120")


def application() -> object:
    """What gunicorn serves."""
    from moto.server import DomainDispatcherApplication, create_backend_app

    return DomainDispatcherApplication(create_backend_app)
