"""`outrider check`: every problem of a configuration, one line each; `--explain` tells what a request would meet.

What must not live here: the rules of a configuration (`proxy.config`), the way of a request (`proxy.cli.explain`).
"""

import argparse
import os
import sys
from typing import TextIO

from proxy.config.find import find_config
from proxy.config.load import LoadedConfig, load_file
from proxy.config.problem import ConfigInvalid

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        help="the configuration; else $OUTRIDER_CONFIG, ./outrider.yaml, /etc/outrider/outrider.yaml",
    )
    parser.add_argument(
        "--explain",
        nargs=2,
        metavar=("METHOD", "URL"),
        help="tell which upstream, route, profile and limits this request would meet; 1 when it would be refused",
    )
    parser.add_argument(
        "--online",
        action="store_true",
        help="try every profile once, as a daemon that starts would; 1 when one has no credential",
    )


def run(arguments: argparse.Namespace) -> int:
    try:
        loaded = load_file(find_config(arguments.config, os.environ), os.environ)
    except ConfigInvalid as invalid:
        _say(sys.stderr, *map(str, invalid.problems))
        return 78
    _say(sys.stderr, *map(str, loaded.warnings))
    if arguments.explain is not None:
        return _explain(loaded, *arguments.explain)
    _say(sys.stdout, summary(loaded))
    return _online(loaded) if arguments.online else 0


def _online(loaded: LoadedConfig) -> int:
    from proxy.cli.online import try_profiles

    tried = try_profiles(loaded)
    for line, fine in tried:
        _say(sys.stdout if fine else sys.stderr, line)
    return 0 if all(fine for _, fine in tried) else 1


def _explain(loaded: LoadedConfig, method: str, url: str) -> int:
    from proxy.cli.explain import NotAsked, explain

    try:
        explanation = explain(loaded.config, method, url)
    except NotAsked as error:
        _say(sys.stderr, f"outrider: --explain: {error}")
        return 2
    _say(sys.stdout, *explanation.lines)
    return 1 if explanation.refused else 0


def summary(loaded: LoadedConfig) -> str:
    config = loaded.config
    admin = ", ".join(config.admin_addresses) or "off"
    return (
        f"{loaded.path}: valid: {_count(len(config.upstreams), 'upstream')}, {_count(len(config.auth), 'profile')}, "
        f"listens on {', '.join(config.listen_addresses)}, admin on {admin}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _say(stream: TextIO, *lines: str) -> None:
    for line in lines:
        stream.write(line + "\n")
