from proxy.auth import Finding, check_profile
from tests.auth.tools import profile


def test_a_colon_in_a_written_user_name_is_found_without_showing_it() -> None:
    (finding,) = check_profile(profile(type="basic", username="s3c:ret", password="p"))
    assert finding.path == ("username",)
    assert "colon" in finding.message
    assert "s3c" not in finding.message


def test_every_wrong_template_is_found_at_its_field() -> None:
    wrong = profile(type="headers", set={"A": "{{ x }}", "B": "{{ ok }}", "C": "{{"}, secrets={"ok": "t"})
    assert check_profile(wrong) == [
        Finding(("set", "A"), "unknown name `x`; there is `ok`"),
        Finding(("set", "C"), "`{{` without `}}`"),
    ]


def test_a_user_name_that_is_read_later_is_not_judged_now() -> None:
    assert check_profile(profile(type="basic", username={"env": "USER"}, password="p")) == []


def test_good_profiles_have_no_findings() -> None:
    assert check_profile(profile(type="none")) == []
    assert check_profile(profile(type="bearer", token="t")) == []
