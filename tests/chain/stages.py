"""A look into chains that were built from a file."""

from collections.abc import Iterator
from typing import Any

from proxy.pipeline import Pipeline

__all__ = ["names", "stages"]


def stages(pipeline: Pipeline, route: int = 0) -> Iterator[Any]:
    """The stages of a route, from the outermost inwards."""
    stage: Any = pipeline.chains[route].stage
    while stage is not None:
        yield stage
        # Asked for what it is, not whether it is true: a stage may have a length.
        stage = getattr(stage, "_next", getattr(stage, "inner", None))


def names(pipeline: Pipeline, route: int = 0) -> list[str]:
    return [type(stage).__name__ for stage in stages(pipeline, route)]
