"""Keys of a state folder, and sealers with them."""

import base64

from proxy.auth.fixed_secret import literal_reader
from proxy.auth.sealing import AesSealer
from proxy.secret import Secret

KEY, OTHER_KEY = (base64.b64encode(bytes(range(first, first + 32))).decode() for first in (0, 100))


def sealer(*keys: str) -> AesSealer:
    return AesSealer([literal_reader(Secret(key)) for key in keys])
