import pytest

from proxy.config.problem import Problem
from tests.config.loading import load, only, said

BEARER = "{type: bearer, token: x}"


def upstreams(*bodies: str) -> str:
    """Upstreams a, b, … on lines 1, 2, …, each with a match of its own unless it has one."""
    lines = ["upstreams:"]
    for name, body in zip("abcdef", bodies, strict=False):
        match = "" if "match" in body else f", match: {{prefix: /{name}}}"
        lines.append(f"  {name}: {{url: http://127.0.0.1:9000{match}{', ' if body else ''}{body}}}")
    return "\n".join(lines) + "\n"


def warnings(text: str) -> list[str]:
    return [str(problem) for problem in load(text).warnings]


def test_an_upstream_names_a_profile_that_exists() -> None:
    text = upstreams("auth: tokn") + f"auth: {{token: {BEARER}}}"
    assert only(text) == '2:62: there is no profile "tokn" under auth; did you mean token?'


def test_a_route_names_a_profile_that_exists() -> None:
    text = upstreams("auth: token, routes: [{match: GET /, auth: zebra}]") + f"auth: {{token: {BEARER}}}"
    assert only(text).endswith('there is no profile "zebra" under auth; write none or token')


def test_with_no_profiles_at_all_the_way_out_is_named() -> None:
    assert only(upstreams("auth: zebra")).endswith("under auth; add it under auth, or write none")


def test_a_name_that_cannot_be_shown_is_not_offered() -> None:
    text = upstreams("auth: zebra") + f'auth: {{token: {BEARER}, "a\\x1f": {BEARER}}}'
    assert all(line.isprintable() for line in said(text))


def test_the_profile_none_always_exists() -> None:
    assert said(upstreams("auth: none, routes: [{match: GET /, auth: none}]")) == []


def test_a_profile_name_from_the_environment_is_not_shown() -> None:
    shown = only(upstreams('auth: "${P}"'), {"P": "kanarie"})
    assert "kanarie" not in shown
    assert "there is no profile the value from the environment" in shown


def test_the_name_none_cannot_be_given_to_a_credential() -> None:
    text = upstreams("") + f"auth: {{none: {BEARER}}}"
    assert only(text) == "3:8: the name none means no credential; give the profile another name"


def test_an_unused_profile_is_a_warning() -> None:
    text = upstreams("") + f"auth: {{token: {BEARER}}}"
    assert warnings(text) == [
        'f.yaml:3:8: warning: no upstream and no route uses the profile "token"; '
        "remove it, or name it as auth: of an upstream"
    ]
    assert all(isinstance(problem, Problem) and problem.severity == "warning" for problem in load(text).warnings)


def test_a_profile_that_only_a_route_uses_is_used() -> None:
    assert warnings(upstreams("routes: [{match: GET /, auth: p}]") + f"auth: {{p: {BEARER}}}") == []


@pytest.mark.parametrize("where", ["auth: p", "routes: [{match: GET /, auth: p}]"])
def test_a_profile_that_names_its_origins_is_used_on_those_alone(where: str) -> None:
    text = upstreams(where) + "auth: {p: {type: bearer, token: x, origins: [http://127.0.0.1:9001]}}"
    assert only(text).endswith(
        'the profile "p" may not send its credential to the origin of this upstream; '
        "add the origin to auth.p.origins, or use another profile"
    )


def test_origins_are_compared_in_one_spelling() -> None:
    text = "upstreams: {a: {url: https://Example.com/v1, auth: p}}\n"
    assert said(text + "auth: {p: {type: bearer, token: x, origins: [https://example.com:443]}}") == []


def test_two_upstreams_cannot_take_everything_else() -> None:
    text = upstreams("match: {}", "match: {prefix: /}")
    assert only(text) == (
        '3:35: upstreams "a" and "b" both take everything else; give one of them a match with a host or a prefix'
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [("{prefix: /x}", "{prefix: /x}"), ("{host: x.y}", "{host: X.Y}"), ("{host: x, prefix: /}", "{host: x}")],
)
def test_two_upstreams_cannot_have_one_match(one: str, other: str) -> None:
    line = only(upstreams(f"match: {one}", f"match: {other}"))
    assert line == '3:35: upstream "a" has the same match; give one of them another host or prefix'


def test_matches_that_differ_in_anything_are_fine() -> None:
    matches = ["{}", "{prefix: /x}", "{prefix: /x/y}", "{host: x}", "{host: x, prefix: /x}"]
    assert said(upstreams(*(f"match: {match}" for match in matches))) == []


def test_a_caller_names_upstreams_that_exist() -> None:
    text = upstreams("") + "access: {callers: {job: {token: x, upstreams: [a, api]}}}"
    assert only(text) == '3:51: there is no upstream "api"; write a'


def test_callers_are_told_apart_by_their_tokens() -> None:
    text = upstreams("") + "access: {callers: {a: {token: kanarie}, b: {token: kanarie}, c: {token: {env: T}}}}"
    assert only(text) == '3:52: the caller "a" has the same token; give every caller its own'


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ kye }}", "unknown name `kye`; did you mean `key`?"),
        ("{{ zebra | base64 }}", "write {{ name }} or {{ name | base64 }} with a name under secrets: of this profile"),
        ("{{ }}", "does not name a value; write"),
        ("{{ key | rot13 }}", "unknown filter `rot13`"),
        ("{{ key", "`{{` without `}}`"),
    ],
)
def test_a_template_names_secrets_that_its_profile_has(template: str, message: str) -> None:
    profile = f'{{type: headers, set: {{X-A: "{template}"}}, secrets: {{key: x}}}}'
    assert message in only(upstreams("auth: p") + f"auth: {{p: {profile}}}")


@pytest.mark.parametrize("template", ["plain", "a {{ key }} b {{key|base64}}", "{{ key | urlencode | base64 }}", "}}"])
def test_a_template_over_its_own_secrets_is_fine(template: str) -> None:
    profile = f'{{type: headers, set: {{X-A: "{template}"}}, secrets: {{key: x}}}}'
    assert said(upstreams("auth: p") + f"auth: {{p: {profile}}}") == []


def test_nothing_is_said_about_what_is_reported_already() -> None:
    assert only(upstreams('auth: "${UNSET}"')).startswith("2:63: the environment variable UNSET is not set")
