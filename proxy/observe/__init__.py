"""What can be seen of a running daemon: tallies, metrics and log lines.

Only the light parts are re-exported here. The exposition needs the metrics library and is imported by its own name, so
that counting does not cost its import.
"""

from proxy.observe.lag import LoopLag
from proxy.observe.log import configure, event
from proxy.observe.tally import NO_UPSTREAM, Tallies, UpstreamTally

__all__ = ["NO_UPSTREAM", "LoopLag", "Tallies", "UpstreamTally", "configure", "event"]
