"""How the chain of a route is built: one small builder per stage, and the order in which they stand.

`build_chain(entry, context)` folds the builders of `ORDER` from the innermost outwards. To add a stage:

1. Write the builder in a file of its own here, `proxy/chain/<stage>.py`, with the one function
   `<stage>(entry: RouteEntry, context: Context, inner: Stage) -> Stage`. It reads the route's policy (the upstream's
   with the route's laid over it) and answers with the stage around `inner`, or with `inner` itself where the policy is
   off, so that a feature costs nothing where it is not used.
2. Name it in `ORDER` (`proxy/chain/order.py`), at its place, with the reason for that place.

State that all routes of an upstream share (a budget, a breaker, a limiter) is made through `context.shared`, once per
upstream and kind; a reload takes it over while its basis, the policy, is the same. What must not live here: anything
that a single request does (`proxy.stages`), any rule (`proxy.policy`).
"""

from proxy.chain.context import Context
from proxy.chain.holdings import Generation, Holdings
from proxy.chain.order import ORDER, Place, build_chain

__all__ = ["ORDER", "Context", "Generation", "Holdings", "Place", "build_chain"]
