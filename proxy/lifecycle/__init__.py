"""The life of the daemon's process: what is in force, how it is replaced, and what the service manager is told.

What must not live here: the daemon itself (`proxy.daemon`), and anything that a single request does.
"""
