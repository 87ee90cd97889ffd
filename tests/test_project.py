"""What holds for the whole project: house rules that no linter of ours checks, and files that must agree."""

import ast
import importlib
import re
import subprocess
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from proxy.errors import ERRORS, OutriderError

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "proxy").rglob("*.py"))
LONGEST_FILE = 300
LONGEST_FUNCTION = 55
LOCKS: dict[str, list[str] | None] = {
    "requirements.txt": [],
    "requirements-test.txt": ["test"],
    "requirements-build.txt": None,
}
"""Which extras a lock file is for; None for what builds the package."""

PURE = ("message", "policy", "stages", "upstream")
SHELLS = {
    "message/call.py": "values and a protocol, nothing happens in it",
    "message/content.py": "protocols, nothing happens in it",
    "message/trace.py": "a protocol, nothing happens in it",
    "message/tunnel.py": "a protocol, nothing happens in it",
    "stages/flight.py": "a part of coalesce: stages/test_coalesce.py",
    "stages/signature.py": "a part of sign: stages/test_sign.py",
    "stages/tracing.py": "spans as a collector gets them: wire/test_tracing.py",
    "stages/wire_log.py": "heads as both sides have them: wire/test_logs.py",
    "upstream/limits.py": "three figures, nothing happens in it",
    "upstream/receiver.py": "a part of the connection: upstream/test_connection.py",
    "upstream/tunnel.py": "a part of the connection: upstream/test_connection.py",
    "upstream/upload.py": "a part of the connection: upstream/test_connection.py",
}
"""Modules of the packages that hold the rules of a request without tests of their own name, and why, or where."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def committed_texts() -> dict[str, str]:
    """Every text file of the project by its relative path: what git lists, or the source folders without git."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\0")
        paths = [ROOT / name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        folders = ["proxy", "tests", "config", "deploy", ".ci"]
        paths = [*ROOT.glob("*.*"), *(path for folder in folders for path in (ROOT / folder).rglob("*.*"))]
    texts = {}
    for path in paths:
        try:
            texts[relative(path)] = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):  # a binary file, or one removed but not yet committed
            continue
    return texts


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_says_what_lives_in_it(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    if not source.strip():
        pytest.fail(f"{relative(path)} is empty: a package says at its door what it is for")
    assert ast.get_docstring(ast.parse(source)), f"{relative(path)} has no docstring"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_file_is_one_subject(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_function_fits_a_screen(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lengths = {
        f"{node.name}, line {node.lineno}": (node.end_lineno or node.lineno) - node.lineno
        for node in ast.walk(tree)
        if isinstance(node, Function)
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def test_a_module_of_rules_has_tests_of_its_name_or_a_reason_why_not() -> None:
    modules = [path.relative_to(ROOT / "proxy") for package in PURE for path in (ROOT / "proxy" / package).glob("*.py")]
    without = {
        path.as_posix()
        for path in modules
        if path.stem != "__init__" and not (ROOT / "tests" / path.parent / f"test_{path.name}").exists()
    }
    assert without == set(SHELLS)
    told = {found for reason in SHELLS.values() for found in re.findall(r"\S+/test_\w+\.py", reason)}
    assert [path for path in told if not (ROOT / "tests" / path).exists()] == []


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_only_the_command_line_and_the_demo_print(path: Path) -> None:
    if relative(path).startswith(("proxy/cli/", "proxy/demo/")):
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    assert [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"] == []


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_every_name_of_a_public_door_exists(path: Path) -> None:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    if name.endswith("__main__"):
        return
    module = importlib.import_module(name)
    assert [public for public in getattr(module, "__all__", []) if not hasattr(module, public)] == []


def test_error_codes_are_unique_and_complete() -> None:
    def leaves(base: type[OutriderError]) -> list[type[OutriderError]]:
        return [base, *(leaf for child in base.__subclasses__() for leaf in leaves(child))]

    with_code = [error for error in leaves(OutriderError) if hasattr(error, "code")]
    assert sorted(error.code for error in with_code) == sorted(ERRORS)


@pytest.mark.parametrize("code", ERRORS)
def test_an_error_says_everything_that_its_answer_needs(code: str) -> None:
    error = ERRORS[code]
    assert 400 <= error.status <= 599
    assert error.title
    assert re.fullmatch(r"[a-z_]+", error.code)
    assert re.fullmatch(r"[a-z_]+", error.token)
    assert re.fullmatch(r"[a-z_]+", error.stage)


def test_the_changelog_has_a_place_for_what_is_not_released() -> None:
    assert re.search(r"^## \[Unreleased\]$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_changelog_says_nothing_twice() -> None:
    lines = [line for line in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines() if line.strip()]
    headings = [line for line in lines if line.startswith("### ")]
    assert [line for line, times in Counter(lines).items() if times > 1 and line not in headings] == []
    assert [line for line in lines if re.match(r"[<=>|]{7}", line)] == []


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    homes = re.compile(r"/(?:work|root|opt/[a-z])/|/home/[a-z]|/Users/[A-Z]|[A-Z]:\\\\Users")
    here = relative(Path(__file__))
    found = {name: hit[0] for name, text in committed_texts().items() if name != here and (hit := homes.search(text))}
    assert found == {}


def test_no_file_has_marks_of_something_unfinished() -> None:
    marks = re.compile(r"\b(?:TODO|FIXME|HACK)\b|NotImplementedError|pragma: no cover|type: ignore")
    here = relative(Path(__file__))
    sources = {name: text for name, text in committed_texts().items() if name.endswith(".py") and name != here}
    assert {name: hit[0] for name, text in sources.items() if (hit := marks.search(text))} == {}


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def wanted(extras: list[str] | None) -> set[str]:
    """The normalised names of the distributions that `pyproject.toml` asks for."""
    if extras is None:
        asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    else:
        table = project()
        asked = list(table["dependencies"])
        for extra in extras:
            asked += table["optional-dependencies"][extra]
    return {re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower().replace("_", "-") for requirement in asked}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_holds_every_dependency(lock: str) -> None:
    locked = re.findall(r"^([\w.-]+)==", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE)
    assert wanted(LOCKS[lock]) - set(locked) == set()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_has_hashes_and_names_no_host_and_no_path(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    requirements = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert [entry.split("==")[0] for entry in requirements if "--hash=sha256:" not in entry] == []
    assert re.findall(r"://|--(?:extra-)?index|--find-links|^-e|^/", text, re.MULTILINE) == []
