"""What the templates of a signature may name."""

import pytest

from proxy.policy.signing_names import NAMES, check_set, check_sign

SECRETS = ("app_id",)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_signed_text_may_name_every_part_of_the_request(name: str) -> None:
    assert check_sign(f"{{{{ {name} }}}}", SECRETS) is None


def test_the_signed_text_may_name_secrets_and_fields_beside_the_request() -> None:
    assert check_sign("{{ method }}{{ secret.app_id }}{{ header.X-Any }}", SECRETS) is None


@pytest.mark.parametrize("text", ["", "fixed", "{{ secret.app_id }}"])
def test_a_text_that_is_the_same_for_every_request_is_refused(text: str) -> None:
    said = check_sign(text, SECRETS)
    assert said is not None
    assert "one signature" in said


@pytest.mark.parametrize(
    "text", ["{{ method }}{{ secret.other }}", "{{ method }}{{ unknown }}", "{{ method }}{{ header. }}", "{{ method"]
)
def test_an_unknown_name_or_a_broken_template_is_refused(text: str) -> None:
    assert check_sign(text, SECRETS) is not None


def test_the_signed_text_cannot_name_its_own_signature() -> None:
    assert check_sign("{{ method }}{{ signature }}", SECRETS) is not None


def test_a_field_may_name_the_signature_but_not_the_content_itself() -> None:
    assert check_set("v1={{ signature }}, t={{ timestamp }}, id={{ secret.app_id }}", SECRETS) is None
    assert check_set("{{ content_sha256 }}", SECRETS) is None
    assert check_set("{{ content }}", SECRETS) is not None
