"""Follows the events and hands each to the hooks that want it.

What must not live here: the way to a hook (`proxy.hooks.delivery`), what it is told (`proxy.hooks.notice`).
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from proxy.auth.secret_reader import SecretReader, open_secret
from proxy.clock import CoarseTimer, monotonic, wall
from proxy.config.hooks_model import Hook
from proxy.config.model import Config
from proxy.config.profile import SessionProfile
from proxy.hooks.delivery import Delivery
from proxy.hooks.notice import ErrorWindow, Expiries, Notice
from proxy.hooks.send import Send, command_sender, webhook_sender
from proxy.observe.events import Event
from proxy.observe.tally import Tallies
from proxy.upstream.fetch import Fetcher

__all__ = ["GRACE", "Hooks"]

GRACE = 2.0
"""Seconds that what waits is given at a stop."""

_TICK = 0.05


class Hooks:
    """Those of one configuration. `start` and `close` are called once each.

    `before` are those that these take the place of, and have stopped: what they have told need not be told again.
    """

    def __init__(
        self, config: Config, base: Path, environ: Mapping[str, str], tallies: Tallies, before: "Hooks | None" = None
    ) -> None:
        self.basis = _basis(config)
        self._tallies = tallies
        self._base = base
        self._environ = environ
        self._loop = asyncio.get_running_loop()
        self._timer = CoarseTimer(self._loop, _TICK)
        self._fetcher = Fetcher(self._timer, self._loop)
        self._secrets: list[SecretReader] = []
        hooks = config.hooks
        self._errors = None if hooks.on_error is None else self._delivery("on_error", hooks.on_error)
        self._window = None if hooks.on_error is None else ErrorWindow(hooks.on_error.every, hooks.on_error.codes)
        self._refresh = None if hooks.on_refresh is None else self._delivery("on_refresh", hooks.on_refresh)
        expired = hooks.on_session_expired
        self._expired = None if expired is None else self._delivery("on_session_expired", expired)
        self._expired_of = {
            name: self._delivery(f"auth.{name}.on_session_expired", profile.on_session_expired)
            for name, profile in config.auth.items()
            if isinstance(profile, SessionProfile) and profile.on_session_expired is not None
        }
        self._expiries: Expiries = Expiries() if before is None else before._expiries
        self._subscription = tallies.events.subscribe()
        self._flush: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def _delivery(self, name: str, hook: Hook) -> Delivery:
        return Delivery(name, self._sender(hook), hook.attempts, self._tallies.hooks)

    def _sender(self, hook: Hook) -> Send:
        if hook.webhook is None:
            return command_sender(hook, self._base, self._environ)
        secret = None
        if hook.secret is not None:
            secret = open_secret(hook.secret, self._base, self._environ, monotonic)
            self._secrets.append(secret)
        return webhook_sender(hook.webhook, hook.timeout, secret, self._fetcher, wall)

    def _deliveries(self) -> list[Delivery]:
        single = (self._errors, self._refresh, self._expired)
        return [*(one for one in single if one is not None), *self._expired_of.values()]

    def start(self) -> None:
        """Follow from now on; nothing where there is no hook."""
        if self._deliveries():
            self._task = self._loop.create_task(self._follow())

    def is_for(self, config: Config) -> bool:
        """Whether `config` has the same hooks."""
        return self.basis == _basis(config)

    async def _follow(self) -> None:
        while True:
            await self._subscription.news()
            self._take()

    def _take(self) -> None:
        for event in self._subscription.take():
            self._hand_out(event)

    def _hand_out(self, event: Event) -> None:
        if event.kind == "request.error":
            self._tell_error(event)
        elif event.kind == "session.refreshed" and self._refresh is not None:
            self._refresh.offer(Notice.of("on_refresh", event))
        if event.kind.startswith("session.") and self._expiries.is_news(event):
            notice = Notice.of("on_session_expired", event)
            for delivery in (self._expired, self._expired_of.get(str(event.facts.get("profile")))):
                if delivery is not None:
                    delivery.offer(notice)

    def _tell_error(self, event: Event) -> None:
        if self._errors is None or self._window is None:
            return
        notice, at = self._window.add(event, self._loop.time())
        if notice is not None:
            self._errors.offer(notice)
        if at is not None:
            self._flush = self._loop.call_at(at, self._tell_gathered)

    def _tell_gathered(self) -> None:
        if self._errors is not None and self._window is not None:
            notice = self._window.flush(self._loop.time())
            if notice is not None:
                self._errors.offer(notice)

    def stop(self) -> None:
        """Hand out what has happened until now, and follow no further."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            self._take()
        if self._flush is not None:
            self._flush.cancel()
        self._tell_gathered()

    async def close(self, grace: float = GRACE) -> None:
        """Stop, give what waits a moment, and end."""
        self.stop()
        await asyncio.gather(*(delivery.close(grace) for delivery in self._deliveries()))
        for secret in self._secrets:
            await secret.close()
        await self._fetcher.close()
        self._timer.close()


def _basis(config: Config) -> object:
    own = {
        name: profile.on_session_expired
        for name, profile in config.auth.items()
        if isinstance(profile, SessionProfile) and profile.on_session_expired is not None
    }
    return config.hooks, own
