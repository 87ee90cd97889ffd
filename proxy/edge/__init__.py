"""The callers' side: listeners, the guard, reading requests, writing answers.

Built on aiohttp's low-level `web.Server`, whose parser, keep-alive and pipelining are kept; its request and response
classes are replaced by lean ones, because they cost more than everything else together. What must not live here: rules
(`proxy.policy`), anything of the upstream's side.
"""

from proxy.edge.edge import Edge

__all__ = ["Edge"]
