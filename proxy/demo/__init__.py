"""The demonstration: real servers on loopback, a real Outrider between them, a real client that drives it.

`run` starts everything, `peer` is the made-up API, `scene` is what a chapter works with, `chapters` are the story and
`report` prints it. What must not live here: anything that the daemon itself needs, or any address beyond loopback.
"""

from proxy.demo.run import run_demo

__all__ = ["run_demo"]
