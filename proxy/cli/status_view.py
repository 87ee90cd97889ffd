"""How the state of a daemon looks in a terminal.

Names and paths come from files and callers, so they go in as text and never as markup. What must not live here: asking
for the state.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from proxy.cli.status_rates import Rates
from proxy.cli.status_text import amount, moment, rough, span, sparkline

__all__ = ["draw", "gone"]

State = Mapping[str, Any]

_GOOD, _WARN, _BAD, _QUIET = "green", "yellow", "red", "dim"
_PHASES = {"ready": _GOOD, "starting": _WARN, "draining": _WARN}
_CIRCUITS = {"closed": _GOOD, "half_open": _WARN, "open": _BAD}
_SESSIONS = {"valid": _GOOD, "renewing": _GOOD, "cooling": _WARN, "expired": _BAD}
_NO_UPSTREAM = "-"
_MOST_REQUESTS = 12
_MOST_ERRORS = 6


def draw(state: State, rates: Rates | None, url: str) -> RenderableType:
    """Everything at a glance. `rates` only where somebody watches."""
    return Group(
        _head(state, url),
        *_section("Upstreams", _upstreams(state, rates)),
        *_section("In flight", _requests(state, rates)),
        *_section("Sessions", _sessions(state)),
        *_section("Recent errors", _errors(state)),
    )


def gone(state: State, rates: Rates, url: str, why: str) -> RenderableType:
    """What was known last, and that nothing is known now."""
    said = Text(f"no daemon at {url}: {why}; what stands here is old, and goes on when it is back", f"bold {_BAD}")
    return Group(said, draw(state, rates, url))


def _head(state: State, url: str) -> Text:
    phase, reasons = state["phase"], state["reasons"]
    hindered = phase == "ready" and reasons
    shown, style = ("not ready", _BAD) if hindered else (phase, _PHASES.get(phase, ""))
    head = Text.assemble(
        ("Outrider ", "bold"), state["build"].get("version", ""), "  ", (shown, f"bold {style}"),
        (f"  up for {span(state['uptime'])} · {state['in_flight']} of {state['in_flight_limit']} in flight", ""),
        (f" · listens on {', '.join(state['addresses']) or 'nothing'} · page at {url}", _QUIET),
    )  # fmt: skip
    if hindered:
        head.append(f"\n{'; '.join(reasons)}", _BAD)
    return head


def _section(title: str, content: RenderableType | None) -> Iterator[RenderableType]:
    if content is not None:
        yield Text(f"\n{title}", "bold")
        yield content


def _table(*headings: str, right: Sequence[str] = ()) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style=_QUIET, show_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    return table


def _upstreams(state: State, rates: Rates | None) -> Table | None:
    busy = [one for one in state["upstreams"] if one["name"] != _NO_UPSTREAM or one["requests"]]
    numbers = ("requests", "failed", "p50", "p99")
    table = _table("upstream", *numbers, "limits", "circuit", *(("the last looks",) if rates else ()), right=numbers)
    for one in busy:
        name = one["name"]
        latency = one["latency"]
        if rates is None:
            requests, failed = str(one["requests"]), str(one["failed"])
            middle, tail = latency["p50"], latency["p99"]
        else:
            requests, failed = _per_second(rates.of(name, "requests")), _per_second(rates.of(name, "failed"))
            middle, tail = rates.latency(name, 0.5), rates.latency(name, 0.99)
        circuit = one["circuit"]
        cells = [
            Text("no upstream" if name == _NO_UPSTREAM else name, "bold"),
            Text(requests),
            Text(failed, "" if failed in ("0", "0/s", "…") else _BAD),
            Text(moment(middle)),
            Text(moment(tail)),
            Text("\n".join(_limits(one))),
            Text((circuit or "").replace("_", "-"), _CIRCUITS.get(circuit, "")),
        ]
        table.add_row(*cells, *((Text(sparkline(rates.past(name)), "cyan"),) if rates else ()))
    return table if busy else None


def _per_second(rate: float | None) -> str:
    return "…" if rate is None else f"{rough(rate)}/s"


def _limits(upstream: State) -> Iterator[str]:
    permits, left, limit = upstream["concurrency"], upstream["quota_remaining"], upstream["quota_limit"]
    if permits is not None:
        waiting = f", {permits['waiting']} waiting" if permits["waiting"] else ""
        yield f"{permits['in_use']} of {permits['limit']} at once{waiting}"
    for rate in upstream["rate_limits"]:
        yield f"{rate['rate']}: {rate['room']} of {rate['burst']} free"
    if upstream["rate_waiting"]:
        yield f"{upstream['rate_waiting']} waiting for their turn"
    if left is not None:
        yield f"quota: {left} left" if limit is None else f"quota: {left} of {limit} left"


def _requests(state: State, rates: Rates | None) -> Table | None:
    found = state["requests"]
    if not found:
        return None
    table = _table("request", "upstream", "stage", "age", "", "progress", right=("age",))
    for one in found[:_MOST_REQUESTS]:
        path = Text.assemble((one["method"], "bold"), " ", one["path"], "\n", (one["id"], _QUIET))
        path.no_wrap, path.overflow = True, "ellipsis"
        attempt = f", attempt {one['attempt']}" if one["attempt"] > 1 else ""
        stage = Text(f"{one['stage'].replace('_', ' ')}{attempt}")
        ways = list(_transfers(one, rates))
        bars = Table.grid()
        for _, bar, _ in ways:
            bars.add_row(bar)
        said = Text("\n".join(f"{way} {told}" for way, _, told in ways))
        table.add_row(path, Text(one["upstream"] or "-"), stage, Text(moment(one["age"])), bars, said)
    more = state["in_flight"] - min(len(found), _MOST_REQUESTS)
    if more > 0:
        table.add_row(Text(f"and {more} more", _QUIET))
    return table


def _transfers(request: State, rates: Rates | None) -> Iterator[tuple[str, RenderableType, str]]:
    """Those ways in which there is something: its name, a bar where the whole is known, and the numbers."""
    for way in ("up", "down"):
        moved, total = request[f"bytes_{way}"], request[f"bytes_{way}_total"]
        if total == 0 or (way == "down" and request["status"] is None):
            continue
        rate = None if rates is None else rates.transfer(request, f"bytes_{way}")
        told = amount(moved) if total is None else f"{amount(moved)} of {amount(total)}"
        if rate and (total is None or moved < total):
            left = "" if total is None else f", {span((total - moved) / rate)} left"
            told = f"{told}, {amount(rate)}/s{left}"
        bar = Text(" ") if total is None else ProgressBar(total, min(moved, total), width=20)
        yield way, bar, told


def _sessions(state: State) -> Table | None:
    sessions = [profile for profile in state["profiles"] if profile["state"] != "fixed"]
    unusable = [profile for profile in state["profiles"] if profile["state"] == "fixed" and profile["unusable"]]
    table = _table("profile", "state", "ends in", "for", "renewals", "", right=("ends in", "renewals"))
    for one in (*sessions, *unusable):
        over = one["state"] == "expired" or (one["wants_login"] and one["state"] == "empty")
        word, style = ("over", _BAD) if over else (one["state"], _SESSIONS.get(one["state"], ""))
        ends = "" if one["expires_at"] is None else span(one["expires_at"] - state["at"])
        problem = one["unusable"] or one["problem"] or ""
        if over and one["wants_login"]:
            problem = f"log in: outrider login {one['name']}"
        renewals = one["refreshes"].get("success", 0) + one["refreshes"].get("shared", 0)
        table.add_row(
            Text(one["name"], "bold"), Text(word, style), Text(ends), Text(", ".join(one["upstreams"])),
            Text(str(renewals) if one in sessions else ""), Text(problem, _BAD if over else _WARN),
        )  # fmt: skip
    return table if sessions or unusable else None


def _errors(state: State) -> Table | None:
    table = _table("at", "code", "by", "upstream", "", right=())
    groups = [list(group) for _, group in groupby(state["errors"], key=_sameness)]
    for same in groups[:_MOST_ERRORS]:
        newest = same[0]
        times = f" × {len(same)}" if len(same) > 1 else ""
        table.add_row(
            Text(f"{datetime.fromtimestamp(newest['at']):%H:%M:%S}"), Text(f"{newest['code']}{times}", _BAD),
            Text(newest["stage"].replace("_", " ")), Text(newest["upstream"] or "-"), Text(newest["detail"]),
        )  # fmt: skip
    return table if groups else None


def _sameness(error: State) -> tuple[object, ...]:
    return error["code"], error["upstream"], error["detail"]
