"""How much is logged, changed while the daemon runs.

What must not live here: what is logged (`proxy.observe.log`).
"""

import logging
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from proxy.admin.answer import AdminAnswer, document
from proxy.admin.routes import Ask, Route
from proxy.config.base import Model
from proxy.observe.log import LEVELS, LOGGER, event, level_name, set_level

__all__ = ["log_level_routes"]


class LogLevel(Model):
    """The least level that is written, until it is changed again or the process ends."""

    level: Literal["debug", "info", "warning", "error"] = Field(description="The least level that is written.")


def log_level_routes() -> Iterator[Route]:
    async def tell(_: Ask) -> AdminAnswer:
        return document(200, {"level": level_name()})

    async def change(ask: Ask) -> AdminAnswer:
        before, after = level_name(), ask.content.level
        more = LEVELS[after] < LEVELS.get(before, 0)
        # The change itself is logged where either level would have it written.
        if more:
            set_level(after)
        event(logging.getLogger(LOGGER), logging.INFO, "log.level", f"the log level is {after} now, it was {before}")
        if not more:
            set_level(after)
        return document(200, {"level": after})

    yield Route("GET", "/api/log-level", tell, "The least level that is logged.", gives=LogLevel)
    yield Route("POST", "/api/log-level", change, "Changes it.", takes=LogLevel, gives=LogLevel)
