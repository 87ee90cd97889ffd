"""The texts of the configuration files: the upstream's nginx, and each contestant that reads one.

Each proxy is set up as its manual advises for this work: connections to the upstream kept, nothing logged, content
passed on as it arrives, one worker, the same credential set. What must not live here: starting anything.
"""

from tests.benchmark.plain_upstream import JSON_CONTENT

__all__ = ["POLICIES", "caddy", "haproxy", "nginx_proxy", "nginx_upstream", "outrider", "outrider_off", "outrider_seen"]

_NGINX = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  client_body_temp_path {folder};
  proxy_temp_path {folder};
  fastcgi_temp_path {folder};
  uwsgi_temp_path {folder};
  scgi_temp_path {folder};
{inner}}}
"""

_NGINX_UPSTREAM = """\
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ default_type application/json; return 200 '{content}'; }}
  }}
"""

_NGINX_PROXY = """\
  upstream api {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://api;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization "Bearer benchmark-token";
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
    }}
  }}
"""


def nginx_upstream(folder: str, port: int) -> str:
    inner = _NGINX_UPSTREAM.format(port=port, content=JSON_CONTENT.decode())
    return _NGINX.format(folder=folder, inner=inner)


def nginx_proxy(folder: str, port: int, upstream: int) -> str:
    return _NGINX.format(folder=folder, inner=_NGINX_PROXY.format(port=port, upstream=upstream))


def haproxy(port: int, upstream: int) -> str:
    return f"""\
global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend callers
  bind 127.0.0.1:{port}
  http-request set-header Authorization "Bearer benchmark-token"
  default_backend api
backend api
  server api 127.0.0.1:{upstream}
"""


def caddy(port: int, upstream: int) -> str:
    return f"""\
{{
  admin off
  auto_https off
}}
http://:{port} {{
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:{upstream} {{
    header_up Authorization "Bearer benchmark-token"
    transport http {{
      keepalive_idle_conns_per_host 256
    }}
  }}
}}
"""


POLICIES = """\
    retry: {attempts: 3}
    rate_limit: {rate: 1000000/s, burst: 100000, max_wait: 5s}
    concurrency: {limit: 512, queue: 256}
    dedup: {in_flight: true}
    breaker: {}
"""
"""The policies of resilience, none of which has a reason to act."""


def outrider_off(port: int, upstream: int) -> str:
    return f"""\
listen: 127.0.0.1:{port}
admin: {{listen: "off"}}
log: {{requests: none}}
upstreams: {{api: {{url: "http://127.0.0.1:{upstream}"}}}}
"""


def outrider_seen(port: int, upstream: int) -> str:
    """Nothing to do but to write a line for each request."""
    return f"""\
listen: 127.0.0.1:{port}
admin: {{listen: "off"}}
log: {{requests: all, max_rate: 0, format: json}}
upstreams: {{api: {{url: "http://127.0.0.1:{upstream}"}}}}
"""


def outrider(port: int, admin: int, upstream: int, token_file: str, policies: str = "") -> str:
    """Every feature on the way that the benchmark's requests take, `/api` and its routes; policies beside."""
    return f"""\
listen: 127.0.0.1:{port}
admin: {{listen: "127.0.0.1:{admin}"}}
access:
  hosts: [benchmark.localhost]
  origins: ["http://app.localhost:3000"]
log: {{level: warning, requests: none}}
auth:
  key: {{type: bearer, token: {{file: {token_file}}}}}
  door: {{type: basic, username: benchmark, password: {{file: {token_file}}}}}
upstreams:
  api:
    url: http://127.0.0.1:{upstream}
    match: {{prefix: /api}}
    auth: key
    headers:
      set: {{X-Team: benchmark}}
      remove: [X-Debug]
      response: {{set: {{X-Served-By: outrider}}, remove: [Server]}}
    timeout: {{total: 120s}}
{policies}    routes:
      - {{match: "POST /orders/**", auth: door}}
      - {{match: "GET,HEAD /items/*", timeout: {{first_byte: 20s, total: 60s}}}}
  user:
    url: http://127.0.0.1:{upstream}
    match: {{host: user.localhost}}
    auth: door
  rest:
    url: http://127.0.0.1:{upstream}
"""
