"""The floors: a module imports only from lower ones, and the client side of aiohttp has one user."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

CONFIG_SCHEMA = [
    "proxy.config.address",
    "proxy.config.app_model",
    "proxy.config.auth_model",
    "proxy.config.base",
    "proxy.config.breaker_model",
    "proxy.config.call_model",
    "proxy.config.concurrency_model",
    "proxy.config.dedup_model",
    "proxy.config.errors_model",
    "proxy.config.hedge_model",
    "proxy.config.log_model",
    "proxy.config.login_parts",
    "proxy.config.hooks_model",
    "proxy.config.interceptor_model",
    "proxy.config.login_model",
    "proxy.config.model",
    "proxy.config.oauth2_model",
    "proxy.config.oauth2_parts",
    "proxy.config.oauth2_rules",
    "proxy.config.patterns",
    "proxy.config.profile",
    "proxy.config.rate_model",
    "proxy.config.refresh_model",
    "proxy.config.retry_model",
    "proxy.config.secret_model",
    "proxy.config.unauthorized_model",
    "proxy.config.signing_model",
    "proxy.config.state_key_model",
    "proxy.config.tls_model",
    "proxy.config.tracing_model",
    "proxy.config.units",
    "proxy.config.values",
]
"""The part of the configuration that everything may know; the rest of the package is its loading, a floor higher."""

FLOORS = [
    ["proxy", "proxy.errors", "proxy.secret", "proxy.clock", "proxy.message"],
    CONFIG_SCHEMA,
    ["proxy.policy", "proxy.observe"],
    ["proxy.config", "proxy.upstream", "proxy.auth"],
    ["proxy.stages"],
    ["proxy.intercept", "proxy.hooks"],
    ["proxy.chain"],
    ["proxy.pipeline"],
    ["proxy.edge"],
    ["proxy.admin"],
    ["proxy.lifecycle"],
    ["proxy.daemon"],
    ["proxy.demo"],
    ["proxy.cli"],
    ["proxy.__main__"],
]
"""From the ground up. The longest name that a module's own begins with is its package."""

ONE_PACKAGE = [
    {"proxy", "proxy.errors", "proxy.secret", "proxy.clock", "proxy.message"},
    set(CONFIG_SCHEMA),
]
"""Neighbours on a floor that are one subject in several files, and may import each other."""

CLIENT_SIDE = {
    "BaseConnector",
    "ClientError",
    "ClientSession",
    "ClientTimeout",
    "TCPConnector",
    "UnixConnector",
    "request",
}
CLIENT_MODULES = ("aiohttp.client", "aiohttp.connector", "aiohttp.resolver")
MAY_BE_CLIENTS = ("proxy.upstream", "proxy.demo")

_FLOOR_OF = {package: number for number, floor in enumerate(FLOORS) for package in floor}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted((ROOT / "proxy").rglob("*.py"))}


def package_of(module: str) -> str:
    """The package of FLOORS that `module` belongs to; `proxy` itself only for the root."""
    candidate = module
    while candidate not in _FLOOR_OF:
        candidate = candidate.rpartition(".")[0]
    if candidate == "proxy" and module != "proxy":
        raise LookupError(f"{module} stands on no floor: give it one in FLOORS")
    return candidate


def imports(tree: ast.Module, module: str, *, is_package: bool) -> Iterator[tuple[str, list[str]]]:
    """Every imported module with the names taken from it, relative imports resolved."""
    here = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = here.rsplit(".", node.level - 1)[0] if node.level > 1 else here
            source = node.module or "" if not node.level else ".".join(filter(None, [base, node.module]))
            yield source, [alias.name for alias in node.names]


def own_imports(tree: ast.Module, module: str, *, is_package: bool) -> Iterator[str]:
    """The modules of the project that `module` imports; `from package import module` names the module."""
    for source, names in imports(tree, module, is_package=is_package):
        if source.partition(".")[0] != "proxy":
            continue
        inner = [f"{source}.{name}" for name in names if f"{source}.{name}" in MODULES]
        yield from inner
        if len(inner) < len(names) or not names:
            yield source


def offence(module: str, imported: str) -> str | None:
    """Why `module` may not import `imported`; None when it may."""
    mine, theirs = package_of(module), package_of(imported)
    if mine == theirs or any({mine, theirs} <= group for group in ONE_PACKAGE):
        return None
    if _FLOOR_OF[theirs] > _FLOOR_OF[mine]:
        return f"{module} imports {imported} from a higher floor"
    if _FLOOR_OF[theirs] == _FLOOR_OF[mine]:
        return f"{module} imports {imported}, its neighbour on the same floor"
    return None


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_lower_floors(module: str) -> None:
    path = MODULES[module]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = own_imports(tree, module, is_package=path.name == "__init__.py")
    assert [why for name in imported if (why := offence(module, name))] == []


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith(MAY_BE_CLIENTS)])
def test_only_the_upstream_package_uses_the_client_side_of_aiohttp(module: str) -> None:
    path = MODULES[module]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    used = {
        f"{source}:{name}"
        for source, names in imports(tree, module, is_package=path.name == "__init__.py")
        for name in names or [""]
        if source.startswith(CLIENT_MODULES) or (source == "aiohttp" and name in CLIENT_SIDE)
    }
    used |= {
        f"aiohttp.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if node.value.id == "aiohttp" and (node.attr in CLIENT_SIDE or f"aiohttp.{node.attr}" in CLIENT_MODULES)
    }
    assert used == set()


@pytest.mark.parametrize(
    ("module", "imported", "allowed"),
    [
        ("proxy.stages.authenticate", "proxy.auth", True),
        ("proxy.policy.fields", "proxy.errors", True),
        ("proxy.policy.fields", "proxy.config.model", True),
        ("proxy.policy.fields", "proxy.observe", False),
        ("proxy.upstream.transport", "proxy.auth.bearer", False),
        ("proxy.upstream.transport", "proxy.config.model", True),
        ("proxy.config.model", "proxy.config.load", False),
        ("proxy.config.model", "proxy.config.units", True),
        ("proxy.edge.server", "proxy.admin", False),
        ("proxy.demo", "proxy.cli", False),
        ("proxy.errors", "proxy.message", True),
        ("proxy.message.content", "proxy.policy", False),
    ],
)
def test_the_rule_allows_down_and_refuses_up_and_sideways(module: str, imported: str, allowed: bool) -> None:
    assert (offence(module, imported) is None) is allowed


def test_every_floor_that_is_listed_exists() -> None:
    missing = [package for package in _FLOOR_OF if package not in MODULES]
    assert missing == []


def test_relative_imports_are_resolved() -> None:
    tree = ast.parse("from . import model\nfrom ..errors import BadRequest\nimport proxy.clock")
    assert list(own_imports(tree, "proxy.config.load", is_package=False)) == [
        "proxy.config.model",
        "proxy.errors",
        "proxy.clock",
    ]
