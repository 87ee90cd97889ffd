"""A duration among the arguments of a command, written as in the file.

What must not live here: how one is written (`proxy.config.units`).
"""

import argparse

from proxy.config.units import parse_duration

__all__ = ["duration"]


def duration(text: str) -> float:
    """For argparse, which shows what such an error says."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from None
