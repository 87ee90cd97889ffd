import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.lifecycle.failure import StartFailed
from proxy.lifecycle.handed import handed_sockets
from tests.cli.running import environment

# As systemd does it: the sockets from descriptor 3 on, and this process becomes the daemon.
HAND_OVER = """
import os, sys
names, *descriptors = sys.argv[1].split(",")
for number, descriptor in enumerate(descriptors):
    os.dup2(int(descriptor), 3 + number)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(descriptors)), "LISTEN_FDNAMES": names}
os.execv(sys.executable, [sys.executable, "-m", "proxy", "run", *sys.argv[2:]])
"""


def environ_of(count: int, names: str = "") -> dict[str, str]:
    return {"LISTEN_PID": "7", "LISTEN_FDS": str(count), "LISTEN_FDNAMES": names}


def test_nothing_is_taken_that_was_handed_to_another_process() -> None:
    assert handed_sockets(environ_of(1), 8).sockets == {}
    assert handed_sockets({}, 7).variables == {}


def test_sockets_are_told_apart_by_their_names(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(path))
        unix.listen()
        base = 200
        os.dup2(tcp.fileno(), base)
        os.dup2(unix.fileno(), base + 1)
        handed = handed_sockets(environ_of(2, "proxy:admin"), 7, base)
        address = f"127.0.0.1:{tcp.getsockname()[1]}"
        assert handed.variables == {"OUTRIDER_LISTEN": address, "OUTRIDER_ADMIN_LISTEN": f"unix:{path}"}
        assert not any(sock.get_inheritable() for sock in handed.sockets.values())
        for sock in handed.sockets.values():
            sock.close()


def test_what_does_not_listen_is_a_wrong_configuration() -> None:
    with socket.socket() as sock:
        os.dup2(sock.fileno(), 210)
        with pytest.raises(StartFailed, match="ListenStream=") as failed:
            handed_sockets(environ_of(1), 7, 210)
    assert failed.value.exit_code == 78


def test_the_daemon_serves_on_what_it_was_handed_and_leaves_it_open(tmp_path: Path) -> None:
    file = tmp_path / "outrider.yaml"
    file.write_text("listen: 127.0.0.1:1\nadmin: {listen: 'off'}\nupstreams: {a: {url: http://127.0.0.1:1}}\n")
    with socket.create_server(("127.0.0.1", 0)) as proxy, socket.create_server(("127.0.0.1", 0)) as admin:
        descriptors = (proxy.fileno(), admin.fileno())
        words = ["proxy:admin," + ",".join(map(str, descriptors)), "-c", str(file)]
        ports = [sock.getsockname()[1] for sock in (proxy, admin)]
        for _ in range(2):
            daemon = subprocess.Popen(
                [sys.executable, "-c", HAND_OVER, *words],
                pass_fds=descriptors,
                stderr=subprocess.PIPE,
                text=True,
                env=environment(OUTRIDER_LOG_FORMAT="text"),
            )
            # Before it is up: the connection waits in the socket.
            with socket.create_connection(("127.0.0.1", ports[1]), timeout=20) as caller:
                caller.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % ports[1])
                assert b" 200 " in caller.recv(4096).split(b"\r\n")[0]
            daemon.send_signal(signal.SIGTERM)
            _, said = daemon.communicate(timeout=20)
            assert daemon.returncode == 0
            assert re.search(
                rf"listening on http://127\.0\.0\.1:{ports[0]} .*admin http://127\.0\.0\.1:{ports[1]}", said
            )


def test_a_socket_for_other_machines_wants_what_the_file_would_want(tmp_path: Path) -> None:
    file = tmp_path / "outrider.yaml"
    file.write_text("upstreams: {a: {url: http://127.0.0.1:1}}\n")
    with socket.create_server(("0.0.0.0", 0)) as proxy:
        words = [f"proxy,{proxy.fileno()}", "-c", str(file)]
        done = subprocess.run(
            [sys.executable, "-c", HAND_OVER, *words],
            pass_fds=[proxy.fileno()],
            capture_output=True,
            text=True,
            timeout=20,
            env=environment(),
            check=False,
        )
    assert done.returncode == 78
    assert "other machines could reach this address" in done.stderr
