"""The key file of a Google service account: what is used of it, and what is said of one that is not usable."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from proxy.policy.service_account import service_account
from proxy.policy.signing_key import KeyUnfit

PEM = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
FILE = {"type": "service_account", "client_email": "me@project.example", "private_key": PEM, "private_key_id": "k1"}


def test_the_account_its_key_and_its_name_come_from_the_file() -> None:
    account = service_account(json.dumps(FILE))
    assert (account.email, account.key_id) == ("me@project.example", "k1")
    assert account.key.sign({"sub": "me"}, {}).count(".") == 2


def test_tokens_are_asked_for_where_the_file_says_else_at_google() -> None:
    assert service_account(json.dumps(FILE)).token_url == "https://oauth2.googleapis.com/token"
    other = service_account(json.dumps(FILE | {"token_uri": "https://sts.example/token"}))
    assert other.token_url == "https://sts.example/token"


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9/token", "http://localhost:9/token"])
def test_on_this_machine_tokens_may_be_asked_for_in_the_clear(uri: str) -> None:
    assert service_account(json.dumps(FILE | {"token_uri": uri})).token_url == uri


@pytest.mark.parametrize("uri", ["http://sts.example/token", "ftp://sts.example", "", None, 7])
def test_elsewhere_they_may_not(uri: object) -> None:
    with pytest.raises(KeyUnfit, match="token_uri"):
        service_account(json.dumps(FILE | {"token_uri": uri}))


@pytest.mark.parametrize("text", ["", "no json", "[]", json.dumps({"type": "authorized_user"}), "[" * 100_000])
def test_another_file_is_named_as_such(text: str) -> None:
    with pytest.raises(KeyUnfit, match="no service account's key"):
        service_account(text)


@pytest.mark.parametrize("member", ["client_email", "private_key"])
def test_a_file_that_lacks_a_part_is_refused(member: str) -> None:
    with pytest.raises(KeyUnfit, match=member):
        service_account(json.dumps({name: value for name, value in FILE.items() if name != member}))


@pytest.mark.parametrize("broken", [{"private_key": "s3cret-words"}, {"token_uri": "s3cret-words"}])
def test_no_error_repeats_a_word_of_the_file(broken: dict[str, object]) -> None:
    with pytest.raises(KeyUnfit) as caught:
        service_account(json.dumps(FILE | broken))
    assert "s3cret" not in str(caught.value)
