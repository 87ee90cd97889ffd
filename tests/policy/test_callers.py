import pytest

from proxy.config.model import Caller
from proxy.errors import BadRequest, CallerNotAllowed
from proxy.policy.callers import CallerRules
from proxy.policy.routing import Matched
from tests.policy.routes import table

_TABLE = table(api={"match": {"prefix": "/api"}}, other={})


def _check(method: str, target: bytes, **config: object) -> None:
    rules = CallerRules("job", Caller.model_validate({"token": "t", **config}))
    matched: Matched = _TABLE.match(b"localhost", method, target)
    rules.check(method, matched, target)


def test_a_caller_without_rules_may_ask_anything() -> None:
    _check("BREW", b"/api/%2e%2e/x")
    _check("GET", b"/elsewhere")


def test_a_caller_may_use_its_own_upstreams_alone() -> None:
    _check("GET", b"/api/x", upstreams=["api"])
    with pytest.raises(CallerNotAllowed, match="job may not use the upstream other"):
        _check("GET", b"/x", upstreams=["api"])
    with pytest.raises(CallerNotAllowed):
        _check("GET", b"/apix", upstreams=["api"])


def test_a_caller_may_use_its_own_methods_alone() -> None:
    _check("GET", b"/x", methods=["GET", "HEAD"])
    for method in ("POST", "get", "GETS"):
        with pytest.raises(CallerNotAllowed):
            _check(method, b"/x", methods=["GET", "HEAD"])


def test_a_callers_paths_stand_below_the_upstream() -> None:
    _check("GET", b"/api/open/x?y=/closed", paths=["/open/**"])
    for target in (b"/api/closed", b"/api/open2", b"/api/api/open/x", b"/api"):
        with pytest.raises(CallerNotAllowed):
            _check("GET", target, paths=["/open/**"])


def test_an_empty_list_allows_nothing() -> None:
    for rule in ("upstreams", "methods", "paths"):
        with pytest.raises(CallerNotAllowed):
            _check("GET", b"/x", **{rule: []})


@pytest.mark.parametrize("spelling", [b"..", b"%2e%2e", b".%2E", b"%252e%252e", b"%25%32%65.", b"..;a=b", b"..\\"])
def test_a_path_that_can_be_read_in_two_ways_is_refused_where_paths_decide(spelling: bytes) -> None:
    with pytest.raises(BadRequest):
        _check("GET", b"/api/open/" + spelling + b"/closed", paths=["/open/**"])


def test_a_path_is_judged_in_its_decoded_form() -> None:
    _check("GET", b"/api/%6fpen/x", paths=["/open/**"])
    with pytest.raises(CallerNotAllowed):
        _check("GET", b"/api/%63losed", paths=["/open/**"])


def test_what_a_caller_may_not_do_is_said_without_the_path() -> None:
    with pytest.raises(CallerNotAllowed) as refused:
        _check("GET", b"/api/secret-path", paths=["/open/**"])
    assert "secret-path" not in refused.value.detail
