"""The other ends of the wire: upstreams, callers and judges that the tests put around a real Outrider."""
