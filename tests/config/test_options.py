import pytest

from proxy.config.options import fields_at, profile_types


@pytest.mark.parametrize(
    ("location", "option"),
    [
        ((), "upstreams"),
        (("admin",), "token"),
        (("upstreams", "any", "match"), "prefix"),
        (("upstreams", "any", "routes", 0, "timeout"), "total"),
        (("auth", "any", "api_key"), "in"),
        (("auth", "any", "bearer", "token", "secret:exec"), "ttl"),
        (("admin", "token", "secret:file"), "insecure"),
        (("access", "callers", "any"), "methods"),
    ],
)
def test_the_options_of_a_place_are_those_of_its_model(location: tuple[int | str, ...], option: str) -> None:
    assert option in fields_at(location)


@pytest.mark.parametrize("location", [("listen",), ("nowhere",), ("auth", "any", "nothing"), ("listen", 0, "x")])
def test_there_are_no_options_where_nothing_has_any(location: tuple[int | str, ...]) -> None:
    assert fields_at(location) == {}


def test_the_types_of_profiles_are_those_that_exist() -> None:
    known = "none bearer basic api_key headers file exec oauth2 hmac aws_sigv4 refresh_endpoint login digest"
    known += " github_app google_service_account"
    assert profile_types() == known.split()
