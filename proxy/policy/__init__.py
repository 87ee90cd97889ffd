"""Rules: plain synchronous decisions about messages. No I/O, no loop, no clock of their own.

Each module is one subject; import it by its name.
"""
