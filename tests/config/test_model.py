import pytest
from pydantic import ValidationError

from proxy.config.model import Access, Config
from tests.config.loading import UPSTREAM, config


def test_what_is_left_out_has_its_default() -> None:
    loaded = config(UPSTREAM)
    assert loaded.listen_addresses == ["127.0.0.1:8080"]
    assert loaded.admin_addresses == ["127.0.0.1:9901"]
    assert loaded.limits.body == 5 * 2**30
    assert loaded.upstreams["api"].auth == "none"
    assert loaded.upstreams["api"].tls.verify


@pytest.mark.parametrize(
    ("listen", "addresses"),
    [("127.0.0.1:80", ["127.0.0.1:80"]), ("['127.0.0.1:80', unix:/s]", ["127.0.0.1:80", "unix:/s"])],
)
def test_one_address_or_many_are_a_list_in_the_end(listen: str, addresses: list[str]) -> None:
    loaded = config(f"{UPSTREAM}listen: {listen}\nadmin: {{listen: {listen.replace('80', '81').replace('/s', '/t')}}}")
    assert loaded.listen_addresses == addresses
    assert loaded.admin_addresses == [address.replace("80", "81").replace("/s", "/t") for address in addresses]


def test_an_admin_listener_can_be_off() -> None:
    assert config(f"{UPSTREAM}admin: {{listen: off}}").admin_addresses == []


def test_the_objects_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Access().allow_remote = True


def test_a_number_is_not_taken_for_text_nor_text_for_a_number() -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"upstreams": {"api": {"url": "http://x"}}, "limits": {"connections": "5"}})
