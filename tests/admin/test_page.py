"""The status page's files: what is given out, under which rules, and that an installed Outrider has them."""

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from proxy.admin import AdminAnswer, AdminApi
from proxy.admin.page import POLICY, page_routes
from proxy.secret import Secret

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "proxy" / "admin" / "page"
FILES = sorted(path.name for path in FOLDER.iterdir() if path.is_file() and path.suffix != ".py")
PARTS = [name for name in FILES if name != "index.html"]
SCRIPTS = [name for name in PARTS if name.endswith(".js")]


@dataclass(frozen=True)
class Request:
    path: str
    method: str = "GET"
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    request_id: bytes = b"a-1"


async def secret() -> Secret:
    return Secret("s3cret")


async def ask(path: str, method: str = "GET") -> AdminAnswer:
    """From a plane that wants its token."""
    return await AdminApi(page_routes(), secret).answer(Request(path, method))


def text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


async def test_the_page_is_given_out_without_the_token() -> None:
    answer = await ask("/")
    assert (answer.status, answer.content_type) == (200, "text/html; charset=utf-8")
    assert answer.body == (FOLDER / "index.html").read_bytes()


@pytest.mark.parametrize("name", PARTS)
async def test_each_part_is_given_out_as_what_it_is(name: str) -> None:
    answer = await ask(f"/page/{name}")
    kind = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}[name.rpartition(".")[2]]
    assert (answer.status, answer.content_type) == (200, f"{kind}; charset=utf-8")
    assert answer.body == (FOLDER / name).read_bytes()


@pytest.mark.parametrize("path", ["/", "/page/main.js"])
async def test_every_part_comes_with_the_page_s_own_policy(path: str) -> None:
    headers = (await ask(path)).headers
    assert headers["Content-Security-Policy"] == POLICY
    assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("DENY", "nosniff")


def test_the_policy_lets_nothing_in_but_the_daemon_s_own() -> None:
    directives = dict(directive.split(" ", 1) for directive in POLICY.split("; "))
    assert directives.pop("default-src") == "'none'"
    assert set(directives.values()) <= {"'self'", "'none'", "'script'"}
    assert "unsafe" not in POLICY


@pytest.mark.parametrize(
    "name", ["__init__.py", "..%2f..%2fdaemon.py", "../__init__.py", "index.html", "", ".", "%2e%2e", "main.js%00"]
)
async def test_nothing_else_is_given_out(name: str) -> None:
    answer = await ask(f"/page/{name}")
    assert answer.status in (401, 404)
    assert b"import" not in answer.body


async def test_the_page_is_only_looked_at() -> None:
    assert (await ask("/", "POST")).status == 405


def test_the_markup_has_nothing_inline_and_nothing_from_elsewhere() -> None:
    markup = text("index.html")
    assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:", markup) == []
    assert all(target.startswith(("/page/", "#")) for target in re.findall(r"(?:src|href)=\"([^\"]*)\"", markup))


def test_every_file_that_is_named_exists_and_every_file_is_named() -> None:
    named = set(re.findall(r"\"/page/([^\"]+)\"", text("index.html")))
    for script in SCRIPTS:
        named |= set(re.findall(r" from \"\./([^\"]+)\"", text(script)))
    assert named == set(PARTS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_makes_markup_or_code_of_text(name: str) -> None:
    ways = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|localStorage|document\.cookie"
    assert re.findall(ways, text(name)) == []


@pytest.mark.parametrize("name", PARTS)
def test_nothing_is_loaded_from_elsewhere(name: str) -> None:
    # A namespace is a name and no address.
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"']*|url\([^)]*\)|@import", text(name)))
    assert addresses <= {"http://www.w3.org/2000/svg"}


def test_the_id_that_a_script_looks_for_stands_in_the_page() -> None:
    there = set(re.findall(r"\bid=\"([^\"]+)\"", text("index.html")))
    wanted = {name for script in SCRIPTS for name in re.findall(r"\bby\(\"([^\"]+)\"\)", text(script))}
    assert wanted
    assert wanted <= there


def test_an_installed_outrider_has_the_page(tmp_path: Path) -> None:
    source, wheels = tmp_path / "source", tmp_path / "wheels"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "proxy", source / "proxy", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels), str(source)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    if "No module named pip" in built.stderr or "No matching distribution found for setuptools" in built.stderr:
        pytest.skip("no pip, or no package index to fetch what builds the package from")
    assert built.returncode == 0, built.stderr
    (wheel,) = wheels.glob("outrider-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        there = {name.removeprefix("proxy/admin/page/") for name in archive.namelist() if "admin/page/" in name}
    assert there == {*FILES, "__init__.py"}
