"""`outrider run`: the daemon in the foreground.

What must not live here: what the daemon does (`proxy.daemon`), and the rules of the configuration (`proxy.config`).
"""

import argparse
import asyncio
import gc
import os
import sys
from collections.abc import Mapping
from functools import partial

from proxy.cli.duration import duration
from proxy.cli.overrides import apply_overrides, choose_overrides
from proxy.config.find import find_config
from proxy.config.load import LoadedConfig, config_from_flags, load_file
from proxy.config.problem import ConfigInvalid
from proxy.daemon import DRAIN_LIMIT, Daemon, StartFailed, forbid_core_dumps, loop_factory
from proxy.lifecycle.handed import handed_sockets
from proxy.lifecycle.watch import FileWatch
from proxy.observe import configure

__all__ = ["add_arguments", "add_source_arguments", "load_source", "run", "spare_the_collector", "wrong_source"]

_COLLECT_AFTER = (20_000, 20, 50)
"""Objects more than were freed, and rounds of the younger generations."""


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the configuration comes from."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        help="the configuration; else $OUTRIDER_CONFIG, ./outrider.yaml, /etc/outrider/outrider.yaml",
    )
    source.add_argument("--upstream", metavar="URL", help="run without a file, in front of this API")
    parser.add_argument("--bearer-env", metavar="VAR", help="with --upstream: the variable that holds its bearer token")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_source_arguments(parser)
    parser.add_argument("--listen", metavar="ADDR", help="where applications call; else $OUTRIDER_LISTEN, the file's")
    parser.add_argument("--admin", metavar="ADDR", help="the admin listener; else $OUTRIDER_ADMIN_LISTEN, the file's")
    parser.add_argument(
        "--min-drain",
        type=duration,
        default=0.0,
        metavar="0s",
        help="how long it still takes requests after TERM or INT, not ready, so that load balancers notice",
    )
    parser.add_argument(
        "--max-drain",
        type=duration,
        default=DRAIN_LIMIT,
        metavar=f"{DRAIN_LIMIT:g}s",
        help="how long requests in flight may take to end after TERM or INT, the time of --min-drain included",
    )
    parser.add_argument("--watch", action="store_true", help="reload when the file changes; else $OUTRIDER_WATCH=1")


def wrong_source(arguments: argparse.Namespace, command: str) -> int | None:
    """An exit code, after a line to the user, where these flags do not go together."""
    if arguments.bearer_env is not None and arguments.upstream is None:
        sys.stderr.write(f"outrider {command}: --bearer-env goes with --upstream; a file names its secrets itself\n")
        return 2
    if arguments.bearer_env is not None and not os.environ.get(arguments.bearer_env):
        empty = f"the variable {arguments.bearer_env} is not set or empty"
        sys.stderr.write(f"outrider {command}: --bearer-env: {empty}\n")
        return 78
    return None


def run(arguments: argparse.Namespace) -> int:
    wrong = wrong_source(arguments, "run")
    if wrong is not None:
        return wrong
    if arguments.min_drain > arguments.max_drain:
        sys.stderr.write("outrider run: --min-drain is longer than --max-drain\n")
        return 2
    if arguments.watch and arguments.upstream is not None:
        sys.stderr.write("outrider run: --watch goes with a file; --upstream has none to look at\n")
        return 2
    watched = arguments.upstream is None and (arguments.watch or os.environ.get("OUTRIDER_WATCH") == "1")
    # Before any secret is read.
    forbid_core_dumps()
    try:
        handed = handed_sockets(os.environ, os.getpid())
        environ = {**os.environ, **handed.variables}
        load = partial(load_source, arguments, {"listen": arguments.listen, "admin": arguments.admin}, environ)
        watch = FileWatch(find_config(arguments.config, environ)) if watched else None
        loaded = load()
    except (ConfigInvalid, StartFailed) as invalid:
        sys.stderr.write(f"{invalid}\n")
        return 78
    configure(loaded.config.log.level, loaded.config.log.format)
    try:
        spare_the_collector()
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            daemon = Daemon(loaded, os.environ, load if loaded.path is not None else None, handed.sockets)
            return runner.run(daemon.run_until_signalled(arguments.max_drain, arguments.min_drain, watch))
    except StartFailed as failure:
        sys.stderr.write(f"outrider: {failure}\n")
        return failure.exit_code


def spare_the_collector() -> None:
    """Keep what lives as long as the process out of every collection, and collect more seldom.

    A request leaves nothing behind that only the collector could free, so it has little to find among much to look at.
    What a start leaves behind is little, too; to look for it would take a tenth of the start.
    """
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def load_source(
    arguments: argparse.Namespace, listeners: Mapping[str, str | None], environ: Mapping[str, str]
) -> LoadedConfig:
    """The file or the flags, with what `listeners` and the environment put in the place of the file's settings."""
    if arguments.upstream is not None:
        loaded = config_from_flags(arguments.upstream, arguments.bearer_env, None)
    else:
        loaded = load_file(find_config(arguments.config, environ), environ)
    return apply_overrides(loaded, choose_overrides(listeners, environ))
