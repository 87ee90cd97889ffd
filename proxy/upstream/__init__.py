"""The upstream's side: connections, their pool, response framing. The only user of aiohttp's client.

What must not live here: rules about what is sent (`proxy.policy`), stages.
"""
