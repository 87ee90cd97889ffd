"""A real nginx that serves files from a folder, takes uploads of any size, and refuses what is too fast."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port

__all__ = ["nginx_missing", "running_nginx"]

_CONFIG = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    default_type application/octet-stream;
    client_max_body_size 0;
    client_body_temp_path {folder}/client;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    limit_req_zone $server_port zone=slow:1m rate=20r/s;
    server {{
        listen 127.0.0.1:{port};
        root {files};
        location /upload/ {{ dav_methods PUT; create_full_put_path on; }}
        location /limited/ {{
            limit_req zone=slow burst=2 nodelay;
            limit_req_status 429;
            add_header Retry-After 1 always;
        }}
    }}
}}
"""


def nginx_missing() -> str | None:
    """Why nginx cannot run here, or None."""
    return None if _program() else "nginx is not installed"


def _program() -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def running_nginx(folder: Path) -> Iterator[tuple[str, Path]]:
    """Its base URL and the folder that it serves."""
    files = folder / "files"
    (files / "upload").mkdir(parents=True)
    port = free_port()
    config = folder / "nginx.conf"
    # Started by root, its worker would drop root's rights and could not reach the folder.
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(_CONFIG.format(folder=folder, files=files, port=port, user=user))
    process = subprocess.Popen([str(_program()), "-c", str(config), "-e", str(folder / "error.log")])
    try:
        _await_port(port, process)
        yield f"http://127.0.0.1:{port}", files
    finally:
        process.terminate()
        process.wait(10)


def _await_port(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
