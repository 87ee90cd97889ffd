# ruff: noqa: E501 - tables of what is said, read best with a line for each
import pytest

from proxy.config.model_errors import file_path
from proxy.config.options import profile_types
from proxy.config.problem import listed
from tests.config.loading import UPSTREAM, only, said

TYPES = listed(profile_types())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("listn: x", '2:1: there is no section "listn"; did you mean listen?'),
        ("zebra: x", '2:1: there is no section "zebra"; the sections are listen, admin, state, access, limits, auth, upstreams, interceptors, hooks, log, tracing'),
        ("log: {levle: info}", '2:7: log has no option "levle"; did you mean level?'),
        ("log: {zebra: 1}", '2:7: log has no option "zebra"; its options are level, format, requests, sample, max_rate, wire'),
        ("log: {level: loud}", "2:14: log.level: not one of the words that this option knows; write debug, info, warning or error"),
        ("log: {level: warn}", "2:14: log.level: not one of the words that this option knows; did you mean warning?"),
        ("log: {level: 3}", '2:14: log.level: text is wanted, not a number; write "debug", "info", "warning" or "error"'),
        ("log: info", "2:6: log: a section is wanted, not text; write its options as key: value below it"),
        ("log:", "2:5: nothing is written here; write its value, or remove the line"),
        ("auth: [a]", "2:7: auth: a section is wanted, not a list; write its options as key: value below it"),
        ("access: {hosts: a}", "2:17: access.hosts: a list is wanted, not text; write [one, two], or a line with - for each"),
        ("access: {hosts: [5]}", "2:18: access.hosts.0: text is wanted, not a number; put it in quotes"),
        ("access: {hosts: [[a]]}", "2:18: access.hosts.0: text is wanted, not a list; write one value"),
        ("access: {allow_remote: yes}", "2:24: access.allow_remote: true or false is wanted, not text; "
         "write true or false (on, off, yes and no are text)"),
        ("access: {uids: [-1]}", "2:17: access.uids.0: the number is too small; write 0 or more"),
        ("limits: {connections: '5'}", "2:23: limits.connections: a whole number is wanted, not text; "
         "write digits alone, without quotes, such as 100"),
        ("limits: {connections: true}", "2:23: limits.connections: a whole number is wanted, not true or false; "
         "write digits alone, without quotes, such as 100"),
        ("limits: {connections: 0}", "2:23: limits.connections: the number is too small; write 1 or more"),
        ("limits: {body: many}", "2:16: limits.body: not a size; write a size such as 64KiB, 1MiB or 5GiB, or a number of bytes"),
        ("limits: {idle_timeout: 5}", "2:24: limits.idle_timeout: a number needs its unit here; "
         "write a duration such as 250ms, 5s, 2m, 1h or 1h30m"),
        ("limits: {idle_timeout: 22:22}", "2:24: limits.idle_timeout: not a duration; "
         "write a duration such as 250ms, 5s, 2m, 1h or 1h30m"),
        ("listen: 8080", "2:9: listen: not an address to listen on; write one such as 127.0.0.1:8080, or a list of them"),
        ("listen: []", "2:9: listen: not an address to listen on; write one such as 127.0.0.1:8080, or a list of them"),
        ("listen: 127.0.0.1:99999", "2:9: listen: there is no such port; write a port from 0 (any free one) to 65535"),
        ("admin: {listen: no}", "2:17: admin.listen: not an address to listen on; "
         "write 127.0.0.1:8080, [::1]:8080, localhost:8080 or unix:/path/to/socket"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_place_and_what_would_be_right(text: str, line: str) -> None:
    assert only(UPSTREAM + text) == line


@pytest.mark.parametrize(
    ("profile", "line"),
    [
        ("{type: berer, token: x}", '1:18: there is no profile type "berer"; did you mean bearer?'),
        ("{type: zebra}", f'1:18: there is no profile type "zebra"; write {TYPES}'),
        ("{token: x}", "1:11: auth.p: a profile without a type; "
         f"add type: {TYPES}"),
        ("text", "1:11: auth.p: a section is wanted, not text; write its options as key: value below it"),
        ("{type: bearer}", "1:8: auth.p.token is missing; add token: The token"),
        ("{type: bearer, tken: x, token: y}", '1:26: auth.p has no option "tken"; did you mean token?'),
        ("{type: exec, command: []}", "1:33: auth.p.command: it is empty; write at least one entry"),
        ("{type: file, path: ''}", "1:30: auth.p.path: it is empty; write a text"),
        ("{type: file, path: t, header: 'a b'}", "1:41: auth.p.header: not a field name; "
         "use letters, digits and -, with no space or colon, such as X-Team"),
        ("{type: file, path: t, scheme: 'a b'}", "1:41: auth.p.scheme: not a scheme; "
         "write one word, such as Bearer, or an empty text for none"),
        ("{type: api_key, in: body, name: a, key: b}", "1:31: auth.p.in: not one of the words that this option knows; "
         "write header, query or cookie"),
        ("{type: api_key, in: header, name: host, key: b}", "1:45: auth.p.name: this field belongs to the connection; "
         "remove it; Outrider writes it itself"),
        ("{type: api_key, in: cookie, name: a;b, key: b}", "1:45: auth.p.name: not a cookie name; use letters, digits, - and _"),
        ("{type: api_key, in: query, name: a, key: b, prefix: 'c '}", "1:63: auth.p.prefix: "
         "a prefix stands before a key in a field only; remove it, or write in: header"),
        ("{type: basic, username: 'a:b', password: c}", "1:35: auth.p.username: a user's name holds no colon; "
         "write what stands before it; the rest is the password"),
        ("{type: headers, set: {A B: x}}", "1:33: auth.p.set.\"A B\": not a field name; "
         "use letters, digits and -, with no space or colon, such as X-Team"),
        ('{type: headers, set: {A: "x\\r\\ny"}}', "1:36: auth.p.set.A: not a field value: "
         "it holds a line break or a control character; write it on one line"),
        ("{type: none, origins: [example.com]}", "1:34: auth.p.origins.0: the URL must begin with http:// or https://; "
         "write http://host or https://host, with a port and a base path where needed"),
    ],
)  # fmt: skip
def test_a_wrong_profile_is_named_in_the_words_of_its_own_type(profile: str, line: str) -> None:
    upstream = "upstreams: {api: {url: http://127.0.0.1:9000, auth: p}}\n"
    assert only(f"auth: {{p: {profile}}}\n{upstream}") == line


SECRET = "a secret: text, or one of {env: NAME}, {file: PATH}, {credential: NAME}, {exec: [cmd, …]}"


@pytest.mark.parametrize(
    ("secret", "line"),
    [
        ("12345", f"admin.token: not a secret; write {SECRET} (a number in quotes)"),
        ("[kanarie]", f"admin.token: not a secret; write {SECRET}"),
        ("{kanarie: x}", f"admin.token: not a secret; write {SECRET}"),
        ("{env: A, file: kanarie}", f"admin.token: not a secret; write {SECRET}"),
        ("true", f"admin.token: not a secret; write {SECRET}"),
        ("''", f"admin.token: the secret is empty; write {SECRET}"),
        ('"kanarie\\n"', "admin.token: the secret holds a line break or a control character; write it on one line, in quotes"),
        ("{env: A, kanarie: x}", f"admin.token: an option that this kind of secret does not have; write {SECRET}"),
        ("{env: kanarie-1}", "admin.token.env: not the name of an environment variable; "
         "write its name alone, such as API_TOKEN"),
        ("{env: 5}", "admin.token.env: text is wanted, not a number; put it in quotes"),
        ("{file: ''}", "admin.token.file: it is empty; write a text"),
        ("{credential: ../kanarie}", "admin.token.credential: not a value for this option; "
         "Name in systemd's credentials directory, or in /run/secrets."),
        ("{exec: kanarie}", "admin.token.exec: a list is wanted, not text; write [one, two], or a line with - for each"),
        ("{exec: [a], ttl: kanarie}", "admin.token.ttl: not a duration; write a duration such as 250ms, 5s, 2m, 1h or 1h30m"),
    ],
)  # fmt: skip
def test_a_wrong_secret_is_explained_and_never_shown(secret: str, line: str) -> None:
    shown = only(f"{UPSTREAM}admin: {{token: {secret}}}")
    assert shown.partition(": ")[2] == line
    assert "kanarie" not in shown


def test_a_literal_secret_in_braces_is_not_shown() -> None:
    lines = said(f"{UPSTREAM}admin: {{token: {{kanarie}}}}")
    assert [line for line in lines if "admin.token: not a secret" in line]
    assert "kanarie" not in "".join(lines)


@pytest.mark.parametrize(
    ("upstream", "line"),
    [
        ("{}", "1:13: upstreams.api.url is missing; add url: Base URL, http or https, with an optional base path"),
        ("{url: ftp://x}", "the URL must begin with http:// or https://"),
        ("{url: 'http://u:kanarie@x'}", "a URL here holds no user and no password; a credential goes under auth, or for a collector into tracing.headers"),
        ("{url: 'http://x?kanarie'}", "a base URL has no query and no fragment; remove what follows ? or #"),
        ("{url: 'http://x:99999'}", "not a URL: its host or port is wrong"),
        ("{url: http://x, match: {prefix: api}}", "upstreams.api.match.prefix: a prefix begins with /; write it such as /api"),
        ("{url: http://x, match: {prefix: /api/}}", "a prefix does not end with /; write it such as /api"),
        ("{url: http://x, match: {host: 'x:80'}}", "not a host name; write the name alone, without scheme, port and path"),
        ("{url: http://x, headers: {set: {Host: x}}}", "this field belongs to the connection; remove it"),
        ("{url: http://x, headers: {remove: [Content-Length]}}", "this field belongs to the connection; remove it"),
        ("{url: http://x, headers: {response: {set: {Connection: x}}}}", "this field belongs to the connection; remove it"),
        ("{url: http://x, headers: {set: {X-A: a, x-a: kanarie}}}", "one field is written twice, in different cases"),
        ('{url: http://x, headers: {set: {X-A: "a\\0kanarie"}}}', "not a field value"),
        ("{url: http://x, headers: {set: {X-A: 1}}}", "upstreams.api.headers.set.X-A: text is wanted, not a number"),
        ("{url: http://x, routes: [{match: /a}]}", "upstreams.api.routes.0.match: a route is a method and a path"),
        ("{url: http://x, routes: [{}]}", "upstreams.api.routes.0.match is missing"),
        ("{url: http://x, tls: {min_version: 1.2}}", 'text is wanted, not a number; write "1.2" or "1.3"'),
        ("{url: http://x, tls: {min_version: '1.1'}}", "write 1.2 or 1.3"),
    ],
)  # fmt: skip
def test_a_wrong_upstream_is_explained_without_its_values(upstream: str, line: str) -> None:
    shown = only(f"upstreams: {{api: {upstream}}}")
    assert line in shown
    assert "kanarie" not in shown


def test_no_upstream_at_all_is_an_error_of_the_file() -> None:
    assert said("log: {}") == ["1:1: upstreams is missing; add upstreams: Upstreams by name"]
    assert said("upstreams: {}") == ["1:12: upstreams: it is empty; write at least one entry"]


@pytest.mark.parametrize(
    ("location", "path"),
    [
        (("auth", "bearer", "bearer", "token", "secret:env", "env"), ("auth", "bearer", "token", "env")),
        (("auth", "a b", "[key]"), ("auth", "a b")),
        (("auth", "p", "headers", "set", "A B", "[key]"), ("auth", "p", "set", "A B")),
        (("upstreams", "api", "routes", 0, "match"), ("upstreams", "api", "routes", 0, "match")),
    ],
)
def test_a_path_in_the_file_has_no_tags(location: tuple[int | str, ...], path: tuple[int | str, ...]) -> None:
    assert file_path(location) == path
