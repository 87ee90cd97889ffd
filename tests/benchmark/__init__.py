"""The benchmark: Outrider beside the usual aiohttp proxy and the well-known reverse proxies, in one run on one machine.

`python -m tests.benchmark` from a checkout prints the table. What must not live here: tests of behaviour.
"""
