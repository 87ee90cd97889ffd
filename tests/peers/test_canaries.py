"""The finder of canaries: one that misses any form would prove nothing."""

import base64
import json
import quopri
import textwrap
from urllib.parse import quote, quote_plus

import pytest

from tests.peers.canaries import Canaries

SECRET = 'kanarie-7f3a/9+0 "é\\x-b81d22ce94'

PLANTED = {
    "plain": SECRET.encode(),
    "in other case": SECRET.upper().encode(),
    "first half": SECRET[: len(SECRET) // 2].encode(),
    "second half": SECRET[len(SECRET) // 2 :].encode(),
    "backwards": SECRET[::-1].encode(),
    "percent-encoded": quote(SECRET, safe="").encode(),
    "percent-encoded, slashes kept": quote(SECRET, safe="/").encode(),
    "form-encoded": quote_plus(SECRET).encode(),
    "every byte percent-encoded": "".join(f"%{byte:02X}" for byte in SECRET.encode()).encode(),
    "JSON": json.dumps({"a": SECRET}).encode(),
    "JSON in UTF-8": json.dumps({"a": SECRET}, ensure_ascii=False).encode(),
    "repr of bytes": repr({"a": SECRET.encode()}).encode(),
    "hexadecimal": SECRET.encode().hex().encode(),
    "JSON in JSON": json.dumps({"a": json.dumps({"b": SECRET})}).encode(),
    "hexadecimal with colons": SECRET.encode().hex(":").encode(),
    "hexadecimal in words": SECRET.encode().hex(" ", 1).upper().encode(),
    "quoted-printable": quopri.encodestring(SECRET.encode() * 4),
    "base64 without padding": base64.b64encode(SECRET.encode()).rstrip(b"="),
    "MIME's base64": base64.encodebytes(b"x" * 31 + SECRET.encode() + b"y" * 99),
    "lines of ten": "\n".join(textwrap.wrap(SECRET.replace(" ", "_"), 10)).encode(),
    "a folded field": b"X-A: " + SECRET[:20].encode() + b"\r\n\t" + SECRET[20:].encode(),
    "lines in JSON": json.dumps(SECRET[:9] + "\n" + SECRET[9:23] + "\r\n" + SECRET[23:]).encode(),
    **{
        f"{name} after {before} of {total}": encode(b"x" * before + SECRET.encode() + b"y" * (total - before))
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode))
        for before, total in ((0, 0), (1, 1), (2, 4), (3, 5), (7, 9))
    },
}


@pytest.mark.parametrize("form", PLANTED)
def test_a_planted_secret_is_found_in_every_form(form: str) -> None:
    canaries = Canaries()
    canaries.add("planted", SECRET)
    assert canaries.found(b"before " + PLANTED[form] + b" after")


def test_each_secret_is_named_and_others_are_not() -> None:
    canaries = Canaries()
    one, two = canaries.new("one"), canaries.new("two")
    assert {name.partition(" ")[0] for name in canaries.found(f"... {two} ...")} == {"two"}
    assert canaries.found(f"{one[::2]} {two[::2]}") == []


def test_nothing_is_found_in_what_holds_none() -> None:
    canaries = Canaries()
    for number in range(50):
        canaries.new(str(number))
    harmless = b"".join(number.to_bytes(4, "big").hex().encode() for number in range(50_000))
    assert canaries.found(harmless) == []
