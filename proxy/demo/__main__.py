"""`python -m proxy.demo`: the demonstration's API and token server by themselves, for examples that need an upstream.

What must not live here: what they answer (`proxy.demo.peer`, `proxy.demo.token_desk`).
"""

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from proxy.demo.credentials import MadeUp
from proxy.demo.peer import Peer

_MOST_REMEMBERED = 1000


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m proxy.demo", description=__doc__.partition(":")[2].strip())
    parser.add_argument("--listen", default="127.0.0.1:9000", metavar="HOST:PORT", help="default 127.0.0.1:9000")
    parser.add_argument("--secret-file", type=Path, required=True, help="holds the secret of the client")
    parser.add_argument("--lifetime", type=int, default=60, metavar="SECONDS", help="of a token; default 60")
    options = parser.parse_args(arguments)
    host, _, port = options.listen.rpartition(":")
    if not host or not port.isdecimal():
        parser.error(f"--listen {options.listen}: write HOST:PORT")
    try:
        made_up = MadeUp(client=options.secret_file.read_text(encoding="utf-8").strip())
    except OSError as error:
        sys.stderr.write(f"cannot read {options.secret_file}: {error.strerror}\n")
        return 1
    # As the first process of a container it would not be ended by TERM otherwise.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        asyncio.run(_serve(made_up, host, int(port), options.lifetime))
    except KeyboardInterrupt:
        return 0
    return 0


async def _serve(made_up: MadeUp, host: str, port: int, lifetime: int) -> None:
    with tempfile.TemporaryDirectory(prefix="outrider-demo-") as folder:
        peer = Peer(made_up, Path(folder))
        peer.desk.lifetime = lifetime
        async with peer.serve(host, port) as origin:
            sys.stdout.write(f"API {origin}/machine and token server {origin}/token are up\n")
            sys.stdout.flush()
            while True:
                await asyncio.sleep(60)
                # Nobody reads here what was seen, and it must not grow for ever.
                del peer.seen[:-_MOST_REMEMBERED]


if __name__ == "__main__":
    sys.exit(main())
