"""From the configuration to the store of sessions."""

from collections.abc import Mapping
from pathlib import Path

from proxy.auth.folder_store import FolderStore
from proxy.auth.secret_reader import open_secret
from proxy.auth.store import MemoryStore
from proxy.clock import monotonic
from proxy.config.model import State

__all__ = ["open_store"]


def open_store(state: State, base: Path, environ: Mapping[str, str]) -> FolderStore | MemoryStore:
    """Nothing is read yet."""
    if state.dir is None:
        return MemoryStore()
    if not state.key:
        return FolderStore(base / state.dir)
    # Here, because most do without, and it takes a while.
    from proxy.auth.sealing import AesSealer

    sealer = AesSealer([open_secret(key, base, environ, monotonic) for key in state.key])
    return FolderStore(base / state.dir, sealer=sealer)
