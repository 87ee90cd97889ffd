"""The stages of a request's way: one file each, one verb (`send`), each a thin shell over rules that live elsewhere.

Their order and its reasons stand in `proxy.chain`.
"""
