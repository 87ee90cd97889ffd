"""The README names what there is, all of it, and nothing that is not there."""

import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast, get_args

import pytest
import yaml

from proxy.admin.lifecycle import lifecycle_routes
from proxy.admin.plane import admin_routes
from proxy.cli import COMMANDS
from proxy.config.auth_model import AuthProfile
from proxy.config.breaker_model import BreakerPolicy
from proxy.config.call_model import CallOptions
from proxy.config.concurrency_model import ConcurrencyPolicy
from proxy.config.dedup_model import Dedup
from proxy.config.errors_model import ErrorsPolicy
from proxy.config.hedge_model import HedgePolicy
from proxy.config.hooks_model import ErrorHook, Hooks
from proxy.config.interceptor_model import InterceptorEntry
from proxy.config.load import load_text
from proxy.config.login_model import LoginResponse
from proxy.config.model import Access, Admin, Config, Limits, Log, Match, Pool, Route, State, Timeouts, Tls, Upstream
from proxy.config.rate_model import QuotaPolicy, RateLimitPolicy
from proxy.config.retry_model import Replay, Retry
from proxy.config.tracing_model import Tracing
from proxy.config.unauthorized_model import Unauthorized
from proxy.errors import ERRORS
from proxy.observe.tally import Tallies
from tests import metrics_table

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTIONS = {
    "admin.": Admin,
    "access.": Access,
    "limits.": Limits,
    "state.": State,
    "log.": Log,
    "tracing.": Tracing,
    "upstreams.NAME.": Upstream,
    "interceptors.NAME.": InterceptorEntry,
    "hooks.": Hooks,
}
OF_EVERY_PROFILE = {"origins", "unauthorized", "on_session_expired"}
"""Told below the table of profiles, once."""
GROUPS = {
    "match": Match,
    "timeout": Timeouts,
    "tls": Tls,
    "pool": Pool,
    "quota": QuotaPolicy,
    "rate_limit": RateLimitPolicy,
    "routes": Route,
    "retry": Retry,
    "replay": Replay,
    "concurrency": ConcurrencyPolicy,
    "dedup": Dedup,
    "breaker": BreakerPolicy,
    "hedge": HedgePolicy,
    "errors": ErrorsPolicy,
}


def section(title: str) -> str:
    """The text under a second-level heading."""
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(text: str) -> dict[str, str]:
    """The rows of the tables in `text`, by each name in backquotes in their first cell."""
    found = {}
    for line in re.findall(r"^\| .*`.* \|$", text, re.MULTILINE):
        first, _, rest = line.strip("| ").partition(" | ")
        found |= dict.fromkeys(re.findall(r"`([^`]+)`", first), rest)
    return found


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def names(model: Any) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def test_every_top_level_option_of_the_schema_is_in_the_reference() -> None:
    assert names(Config) - {option.partition(".")[0] for option in rows(section("Configuration reference"))} == set()


@pytest.mark.parametrize("prefix", SECTIONS)
def test_the_reference_has_exactly_the_options_of_a_section(prefix: str) -> None:
    told = {
        option.removeprefix(prefix).partition(".")[0]
        for option in rows(section("Configuration reference"))
        if option.startswith(prefix)
    }
    assert told == names(SECTIONS[prefix])


@pytest.mark.parametrize("group", GROUPS)
def test_the_reference_names_every_option_of_a_group(group: str) -> None:
    told = rows(section("Configuration reference"))[f"upstreams.NAME.{group}"]
    assert {name for name in names(GROUPS[group]) if not re.search(rf"`{name}[`:]", told)} == set()


def test_the_table_of_profiles_has_every_type_with_exactly_its_options() -> None:
    told = {
        name: set(re.findall(r"`(\w+)`", row.rpartition(" | ")[2])) for name, row in rows(section("Concepts")).items()
    }
    models = get_args(get_args(AuthProfile)[0])
    there = {
        get_args(model.model_fields["type"].annotation)[0]: names(model) - OF_EVERY_PROFILE - {"type"}
        for model in models
    }
    assert {name: told.get(name) for name in there} == there


def test_every_option_of_unauthorized_is_told() -> None:
    told = rows(section("Sessions"))
    assert {name for name in names(Unauthorized) if f"unauthorized.{name}" not in told} == set()


def test_every_option_of_a_profiles_own_call_is_told() -> None:
    told = rows(section("Concepts"))
    there = {f"request.{name}" for name in names(CallOptions)} | {f"response.{name}" for name in names(LoginResponse)}
    assert there - told.keys() == set()


def test_the_table_of_errors_is_the_tree_of_errors() -> None:
    told = {code: int(row[:3]) for code, row in rows(section("Errors")).items()}
    assert told == {code: error.status for code, error in ERRORS.items()}


def test_the_table_of_metrics_is_the_one_that_the_code_makes() -> None:
    _, told, _ = metrics_table.place(README)
    assert told == metrics_table.table(), "python -m tests.metrics_table writes it anew"


def test_the_table_of_the_admin_api_has_every_path() -> None:
    told = set(rows(section("Admin API")))
    subject = SimpleNamespace(
        health=None, exposition=None, tallies=Tallies(()), visits=list, clock=time.monotonic, wall=time.time
    )
    there = {
        f"{route.method} {route.path}"
        for route in admin_routes(cast(Any, subject), lifecycle_routes(*[cast(Any, None)] * 3))
    }
    assert there - told == set()


def test_the_table_of_commands_is_the_list_of_commands() -> None:
    told = {name.split()[1] for name in rows(section("Command line")) if name.startswith("outrider ")}
    assert told == {command.name for command in COMMANDS}


def test_every_option_of_a_hook_is_told_and_the_example_is_accepted() -> None:
    told = rows(section("Configuration reference"))["hooks.on_error"]
    assert {name for name in names(ErrorHook) if f"`{name}`" not in told} == set()
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", section("Hooks"), re.MULTILINE | re.DOTALL)
    assert load_text(example, "outrider.yaml", {"HOOK_SECRET": "made-up"}).config.hooks.on_error


def test_the_interceptor_that_is_shown_is_accepted_with_its_configuration(tmp_path: Path) -> None:
    guide = section("Interceptors")
    (code,) = re.findall(r"^```python\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    (tmp_path / "stamp.py").write_text(code)
    examples = re.findall(r"^```yaml\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        assert load_text(example, "outrider.yaml", {}, tmp_path).config.interceptors


def test_the_configuration_that_is_shown_is_accepted() -> None:
    example, *_ = blocks("yaml")
    assert yaml.safe_load(example)
    assert load_text(example, "outrider.yaml", {"API_TOKEN": "made-up"}).config.upstreams


@pytest.mark.parametrize("end", [".venv/bin/outrider demo", "-m pytest -n 2"])
def test_a_command_for_newcomers_is_one_line_with_its_own_environment(end: str) -> None:
    commands = [block.strip() for block in blocks("sh") if block.strip().endswith(end)]
    assert len(commands) == 1
    assert re.fullmatch(r"python3 -m venv \.venv && \.venv/bin/pip install [^\n]+", commands[0])


def anchors() -> set[str]:
    """What a link into the README may name: its headings, as they are written in addresses."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_heading_that_is_linked_exists() -> None:
    links = re.findall(r"\]\(#([^)]+)\)", README)
    assert links
    assert set(links) - anchors() == set()


def test_the_list_of_contents_leads_to_every_section_but_the_developers() -> None:
    contents = README.split("\n## ")[0]
    titles = re.findall(r"^## (.+)$", README, re.MULTILINE)
    assert [title for title in titles if f"[{title}](#" not in contents] == ["Development"]


def test_the_variables_that_are_told_are_those_that_are_read() -> None:
    told = {name.partition("=")[0] for name in rows(section("Command line")) if name.startswith("OUTRIDER_")}
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "proxy").rglob("*.py"))
    given_to_others = r"OUTRIDER_(?:URL|EVENT)\w*"
    read = {name for name in re.findall(r'"(OUTRIDER_\w+)"', code) if not re.fullmatch(given_to_others, name)}
    assert told == read


def test_every_file_that_is_linked_exists() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
