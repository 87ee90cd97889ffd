"""The Grafana dashboard, made from the few lines here; run as a module, this writes it into its place.

A panel is its title, its kind, how wide it is (of 24), its unit, a sentence for who reads it, and queries by legend.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from proxy.errors import ERRORS
from proxy.observe.session_exposition import SESSION_STATES
from proxy.observe.tally import CIRCUITS, COUNTED_ERRORS

__all__ = ["FILE", "dashboard", "written"]

FILE = Path(__file__).resolve().parent.parent / "deploy/grafana/dashboards/outrider.json"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
ALL = 'job=~"$job",instance=~"$instance"'
UP = f'{ALL},upstream=~"$upstream"'
RATE = "[$__rate_interval]"
RED, ORANGE, YELLOW, GREEN, BLUE = "red", "orange", "yellow", "green", "blue"


class Panel(NamedTuple):
    title: str
    kind: str
    width: int
    unit: str
    told: str
    queries: dict[str, str]
    states: tuple[tuple[str, str], ...] = ()
    """The names and colours of the values 0, 1, 2, … of a timeline."""
    limit: float | None = None
    """From where on a figure is bad."""


def by(label: str, metric: str, more: str = "") -> str:
    return f"sum by ({label}) (rate({metric}{{{UP}{more}}}{RATE}))"


def total(metric: str) -> str:
    return f"sum(rate({metric}{{{UP}}}{RATE}))"


def plain(label: str, metric: str) -> str:
    """The same for what is not of an upstream."""
    return f"sum by ({label}) (rate({metric}{{{ALL}}}{RATE}))"


def quantile(share: float, metric: str, labels: str, more: str = "") -> str:
    return f"histogram_quantile({share}, sum by (le{more}) (rate({metric}_bucket{{{labels}}}{RATE})))"


def quantiles(metric: str, labels: str = UP) -> dict[str, str]:
    return {f"p{share * 100:g}": quantile(share, metric, labels) for share in (0.5, 0.9, 0.99)}


def weighed(metric: str, key: str, labels: str, states: tuple[str, ...]) -> str:
    """One number for the state that something is in: its place among the states."""
    one = [f'{n} * sum by (instance, {key}) ({metric}{{{labels},state="{name}"}})' for n, name in enumerate(states)]
    return " + ".join(one)


def stages() -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for code in COUNTED_ERRORS:
        found.setdefault(ERRORS[code].stage, []).append(code)
    return {
        stage: f'sum(rate(outrider_errors_total{{{UP},code=~"{"|".join(codes)}"}}{RATE}))'
        for stage, codes in found.items()
    }


LOADED_AT = f"outrider_config_last_reload_success_timestamp_seconds{{{ALL}}}"
ANSWERED_EACH = by("upstream", "outrider_requests_total")
FAILED = f'(sum(rate(outrider_requests_total{{{UP},code=~"5.."}}{RATE})) or vector(0))'
ANSWERED = total("outrider_requests_total")
_CIRCUIT_COLOURS = {"closed": GREEN, "open": RED, "half_open": YELLOW}
_SESSION_COLOURS = {"empty": BLUE, "valid": GREEN, "renewing": YELLOW, "cooling": ORANGE, "expired": RED}

ROWS: dict[str, list[Panel]] = {
    "At a glance": [
        Panel("Requests", "stat", 4, "reqps", "Answered to callers.", {"": ANSWERED}),
        Panel(
            "Failing",
            "stat",
            4,
            "percentunit",
            "Share that got a 5xx, whoever made it.",
            {"": f"{FAILED} / ({ANSWERED} > 0)"},
            limit=0.05,
        ),
        Panel(
            "Slowest of 100",
            "stat",
            4,
            "s",
            "99 of 100 requests take at most so long.",
            # Without requests there is no number, and it is no number that this then drops.
            {"": f"{quantile(0.99, 'outrider_request_duration_seconds', UP)} >= 0"},
        ),
        Panel(
            "In flight",
            "stat",
            4,
            "short",
            "Requests that have not ended yet.",
            {"": f"sum(outrider_requests_in_flight{{{UP}}})"},
        ),
        Panel(
            "Sessions over",
            "stat",
            4,
            "short",
            "Profiles that need new credentials from somebody.",
            {"": f'sum(outrider_session_state{{{ALL},state="expired"}}) or vector(0)'},
            limit=1,
        ),
        Panel(
            "Running",
            "stat",
            4,
            "none",
            "How many daemons there are of each version.",
            {"{{version}}": f"count by (version) (outrider_build_info{{{ALL}}})"},
        ),
    ],
    "Requests": [
        Panel(
            "Requests by status",
            "timeseries",
            12,
            "reqps",
            "The status that the caller got.",
            {"{{code}}": by("code", "outrider_requests_total")},
        ),
        Panel(
            "Requests by upstream",
            "timeseries",
            12,
            "reqps",
            "- stands for requests that met no upstream.",
            {"{{upstream}}": by("upstream", "outrider_requests_total")},
        ),
        Panel(
            "Content",
            "timeseries",
            12,
            "Bps",
            "Bodies of requests and of answers, without their heads.",
            {
                "from callers": total("outrider_request_bytes_total"),
                "to callers": total("outrider_response_bytes_total"),
            },
        ),
        Panel(
            "In flight",
            "timeseries",
            12,
            "short",
            "Requests that have not ended yet; one that only rises is not ended by its upstream or its callers.",
            {"{{upstream}}": f"sum by (upstream) (outrider_requests_in_flight{{{UP}}})"},
        ),
    ],
    "Errors that Outrider answered": [
        Panel("By stage", "timeseries", 12, "reqps", "Which stage could not go on, or refused.", stages()),
        Panel(
            "By code",
            "timeseries",
            12,
            "reqps",
            "The code of the problem document; the README has what to do for each.",
            {"{{upstream}} {{code}}": f"{by('upstream, code', 'outrider_errors_total')} > 0"},
        ),
    ],
    "Latency": [
        Panel(
            "How long requests take",
            "heatmap",
            12,
            "s",
            "From the head to the last byte of the answer.",
            {"{{le}}": f"sum by (le) (increase(outrider_request_duration_seconds_bucket{{{UP}}}{RATE}))"},
        ),
        Panel(
            "Quantiles",
            "timeseries",
            12,
            "s",
            "The dots are requests by their id, and by their trace where there is one.",
            quantiles("outrider_request_duration_seconds"),
        ),
        Panel(
            "Slowest of 100 by upstream",
            "timeseries",
            24,
            "s",
            "99 of 100 requests take at most so long.",
            {"{{upstream}}": quantile(0.99, "outrider_request_duration_seconds", UP, ", upstream")},
        ),
    ],
    "Attempts and retries": [
        Panel(
            "Attempts",
            "timeseries",
            8,
            "reqps",
            "Calls of upstreams: answered with any status, failed, or cancelled because the caller left.",
            {"{{outcome}}": by("outcome", "outrider_attempts_total")},
        ),
        Panel(
            "Retries by reason",
            "timeseries",
            8,
            "reqps",
            "The failure or status that a further attempt followed.",
            {"{{reason}}": by("reason", "outrider_retries_total")},
        ),
        Panel(
            "Retries that were not made",
            "timeseries",
            8,
            "reqps",
            "The budget was used up, or the content was too large to be kept.",
            {
                "budget": total("outrider_retry_budget_exhausted_total"),
                "not replayable": total("outrider_not_replayable_total"),
            },
        ),
    ],
    "Identical requests": [
        Panel(
            "Deduplication",
            "timeseries",
            12,
            "reqps",
            "collapsed joined a call in flight, hit had a kept answer.",
            {"{{result}}": by("result", "outrider_dedup_total")},
        ),
        Panel(
            "Saved calls",
            "timeseries",
            12,
            "percentunit",
            "Share of requests that another's call answered.",
            {"{{upstream}}": f"{by('upstream', 'outrider_coalesced_total')} / ({ANSWERED_EACH} > 0)"},
        ),
    ],
    "Pace": [
        Panel(
            "The upstream's quota",
            "timeseries",
            8,
            "short",
            "Requests left, as its last answers tell.",
            {"{{instance}} {{upstream}}": f"outrider_upstream_quota_remaining{{{UP}}}"},
        ),
        Panel(
            "Waiting for the pace",
            "timeseries",
            8,
            "s",
            "Of the requests that had to wait.",
            quantiles("outrider_rate_limit_wait_seconds"),
        ),
        Panel(
            "Waited and refused",
            "timeseries",
            8,
            "reqps",
            "Requests that rate limits and quotas held up, and those that would have had to wait too long.",
            {
                "waited": total("outrider_rate_limit_wait_seconds_count"),
                "refused": total("outrider_rate_limited_total"),
            },
        ),
        Panel(
            "Circuits",
            "state-timeline",
            24,
            "none",
            "An open one leaves its upstream alone.",
            {"{{instance}} {{upstream}}": weighed("outrider_circuit_state", "upstream", UP, CIRCUITS)},
            states=tuple((name, _CIRCUIT_COLOURS[name]) for name in CIRCUITS),
        ),
    ],
    "Sessions": [
        Panel(
            "States",
            "state-timeline",
            12,
            "none",
            "expired wants new credentials from somebody.",
            {"{{instance}} {{profile}}": weighed("outrider_session_state", "profile", ALL, SESSION_STATES)},
            states=tuple((name, _SESSION_COLOURS[name]) for name in SESSION_STATES),
        ),
        Panel(
            "Until the token ends",
            "timeseries",
            12,
            "s",
            "Negative when it has ended; tokens without an end are not shown.",
            {"{{instance}} {{profile}}": f"(outrider_token_expiry_timestamp_seconds{{{ALL}}} > 0) - time()"},
            limit=0,
        ),
        Panel(
            "Refreshes",
            "timeseries",
            12,
            "reqps",
            "transient is tried again, terminal is not.",
            {"{{profile}} {{result}}": plain("profile, result", "outrider_token_refreshes_total")},
        ),
        Panel(
            "How long refreshes take",
            "timeseries",
            12,
            "s",
            "Who asks meanwhile without a token that is good waits for so long.",
            quantiles("outrider_token_refresh_duration_seconds", ALL),
        ),
    ],
    "Hooks and events": [
        Panel(
            "Notices to hooks",
            "timeseries",
            12,
            "reqps",
            "failed after all attempts, dropped untried.",
            {"{{hook}} {{result}}": plain("hook, result", "outrider_hooks_total")},
        ),
        Panel(
            "Readers of events let go",
            "timeseries",
            12,
            "reqps",
            "They did not read.",
            {"{{instance}}": plain("instance", "outrider_event_readers_dropped_total")},
        ),
    ],
    "Process": [
        Panel(
            "CPU",
            "timeseries",
            8,
            "percentunit",
            "Of one core.",
            {"{{instance}}": f"rate(process_cpu_seconds_total{{{ALL}}}{RATE})"},
            limit=0.9,
        ),
        Panel(
            "Memory",
            "timeseries",
            8,
            "bytes",
            "Resident. Contents that are kept for another attempt are in it, up to the limits of replay and dedup.",
            {"{{instance}} resident": f"process_resident_memory_bytes{{{ALL}}}"},
        ),
        Panel(
            "File descriptors",
            "timeseries",
            8,
            "short",
            "Each caller and each connection to an upstream takes one.",
            {"{{instance}} open": f"process_open_fds{{{ALL}}}", "{{instance}} allowed": f"process_max_fds{{{ALL}}}"},
        ),
        Panel(
            "How late the event loop is",
            "timeseries",
            8,
            "s",
            "Every request waits for this.",
            quantiles("outrider_event_loop_lag_seconds", ALL),
            limit=0.25,
        ),
        Panel(
            "Garbage collections",
            "timeseries",
            8,
            "ops",
            "Every request waits for one; those of generation 2 take longest.",
            {"generation {{generation}}": plain("generation", "python_gc_collections_total")},
        ),
        Panel(
            "Objects collected",
            "timeseries",
            8,
            "ops",
            "Found in cycles of references; memory that rises with this is Outrider's own fault.",
            {"generation {{generation}}": plain("generation", "python_gc_objects_collected_total")},
        ),
        Panel(
            "Configuration",
            "state-timeline",
            12,
            "none",
            "A refused reload leaves the older configuration in force.",
            {"{{instance}}": f"outrider_config_last_reload_successful{{{ALL}}}"},
            (("refused", RED), ("in force", GREEN)),
        ),
        Panel(
            "Age of the configuration in force, and of the process",
            "timeseries",
            12,
            "s",
            "A restart sets both back, a reload the first.",
            {
                "{{instance}} configuration": f"time() - {LOADED_AT}",
                "{{instance}} process": f"time() - process_start_time_seconds{{{ALL}}}",
            },
        ),
    ],
}


def dashboard() -> dict[str, Any]:
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in ROWS.items():
        place = {"h": 1, "w": 24, "x": 0, "y": top}
        panels.append(
            {"id": len(panels) + 1, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}
        )
        top, left, height = top + 1, 0, 0
        for panel in row:
            if left + panel.width > 24:
                top, left, height = top + height, 0, 0
            height = 4 if panel.kind == "stat" else 8
            place = {"h": height, "w": panel.width, "x": left, "y": top}
            panels.append({"id": len(panels) + 1, "gridPos": place, **_panel(panel)})
            left += panel.width
        top += height
    return {
        "uid": "outrider",
        "title": "Outrider",
        "description": "Requests, errors, pace and sessions of every Outrider that Prometheus watches.",
        "tags": ["outrider"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": _variables()},
        "annotations": {"list": _marks()},
        "panels": panels,
    }


def _variables() -> list[dict[str, Any]]:
    chosen = {"text": "Prometheus", "value": "prometheus"}
    source = {"name": "datasource", "label": "Source", "type": "datasource", "query": "prometheus", "current": chosen}
    asked = {
        "job": "label_values(outrider_build_info, job)",
        "instance": 'label_values(outrider_build_info{job=~"$job"}, instance)',
        "upstream": f"label_values(outrider_requests_in_flight{{{ALL}}}, upstream)",
    }
    return [source] + [
        {
            "name": name,
            "label": name.capitalize(),
            "type": "query",
            "datasource": SOURCE,
            "query": {"query": query, "refId": name},
            "refresh": 2,
            "sort": 1,
            "multi": True,
            "includeAll": True,
            "allValue": ".*",
            "current": {"text": ["All"], "value": ["$__all"]},
        }
        for name, query in asked.items()
    ]


def _marks() -> list[dict[str, Any]]:
    """What stands across all panels. A reload tells its own time; alerts without an instance concern every one."""
    firing = 'ALERTS{alertname=~"Outrider.+",alertstate="firing",job=~"$job|",instance=~"$instance|"}'
    common = {"datasource": SOURCE, "enable": True, "step": "15s"}
    reloads = {"expr": f"{LOADED_AT} * 1000", "useValueForTime": True, "titleFormat": "Configuration loaded"}
    alerts = {"expr": firing, "titleFormat": "{{alertname}}", "tagKeys": "severity,upstream,profile"}
    return [
        {"name": "Reloads", "iconColor": BLUE, **common, **reloads, "textFormat": "{{instance}}"},
        {"name": "Alerts", "iconColor": RED, **common, **alerts, "textFormat": "{{instance}}"},
    ]


def _panel(panel: Panel) -> dict[str, Any]:
    targets = []
    for number, (legend, query) in enumerate(panel.queries.items()):
        target: dict[str, Any] = {"refId": f"Q{number}", "datasource": SOURCE, "expr": query, "legendFormat": legend}
        if panel.kind == "heatmap":
            target["format"] = "heatmap"
        if panel.kind == "timeseries" and "_request_duration_" in query:
            target["exemplar"] = True
        targets.append(target)
    options = _OPTIONS[panel.kind]
    if panel.kind == "stat" and "" not in panel.queries:
        options = {**options, "textMode": "value_and_name"}
    nothing = {"noValue": "none"} if panel.kind == "stat" else {}
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.told,
        "datasource": SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": {"unit": panel.unit, **nothing, **_colours(panel)}, "overrides": []},
        "options": options,
    }


def _colours(panel: Panel) -> dict[str, Any]:
    if panel.states:
        options = {str(n): {"text": name, "color": colour, "index": n} for n, (name, colour) in enumerate(panel.states)}
        return {"mappings": [{"type": "value", "options": options}], "color": {"mode": "thresholds"}}
    if panel.limit is None:
        return {"color": {"mode": "palette-classic" if panel.kind == "timeseries" else "thresholds"}}
    # A time that is left is bad below its limit, everything else above.
    low, high = (RED, GREEN) if panel.limit == 0 else (GREEN, RED)
    steps = [{"color": low, "value": None}, {"color": high, "value": panel.limit}]
    shown = {"custom": {"thresholdsStyle": {"mode": "line"}}} if panel.kind == "timeseries" else {}
    return {"thresholds": {"mode": "absolute", "steps": steps}, **shown}


_OPTIONS: dict[str, dict[str, Any]] = {
    "stat": {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "area",
        "textMode": "auto",
    },
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom"},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "heatmap": {
        "calculate": False,
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64},
        "yAxis": {"unit": "s"},
        "cellGap": 1,
        "tooltip": {"mode": "single", "yHistogram": True},
    },
    "state-timeline": {"showValue": "auto", "rowHeight": 0.8, "mergeValues": True, "legend": {"showLegend": False}},
}


def written() -> str:
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
