"""Outrider: a reverse proxy that rides beside an application and keeps its upstream calls authenticated.

Here lives the version and nothing else: importing the package must stay free of side effects and of aiohttp, because
`outrider healthcheck` imports it many times a minute.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
