from proxy.edge.cors import allow_origin, preflight_lines
from proxy.message import Response

_ORIGIN = b"https://app.example"
_PERMISSION = [b"Access-Control-Allow-Origin: https://app.example", b"Vary: Origin"]


def test_a_listed_origin_gets_its_own_permission_beside_the_upstreams_fields() -> None:
    lines = [b"Vary: Accept"]
    response = Response(200, b"OK", lines)
    allow_origin(response, _ORIGIN)
    assert response.lines == [b"Vary: Accept", *_PERMISSION]
    assert lines == [b"Vary: Accept"], "the upstream's lines may be shared"


def test_a_preflight_is_answered_with_what_it_asks_for() -> None:
    fields = [(b"access-control-request-METHOD", b"PUT"), (b"Access-Control-Request-Headers", b"x-a, x-b")]
    assert preflight_lines(_ORIGIN, fields) == [
        *_PERMISSION,
        b"Access-Control-Allow-Methods: PUT",
        b"Access-Control-Allow-Headers: x-a, x-b",
        b"Access-Control-Max-Age: 600",
    ]


def test_options_that_ask_for_no_method_are_no_preflight() -> None:
    assert preflight_lines(_ORIGIN, [(b"Access-Control-Request-Headers", b"x-a")]) is None


def test_no_permission_is_for_everyone_or_for_credentials() -> None:
    lines = preflight_lines(_ORIGIN, [(b"Access-Control-Request-Method", b"GET")])
    assert lines is not None
    assert not [line for line in lines if b"*" in line or b"Credentials" in line]
