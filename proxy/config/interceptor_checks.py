"""Rules of `interceptors` between options, and with the classes that they name. What must not live here: how a class is
found and made (`proxy.config.interceptor_class`)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from proxy.config.cross_checks import Finding, section, texts
from proxy.config.document import Document, KeyPath
from proxy.config.problem import listed, nearest, quoted

__all__ = ["interceptor_classes", "interceptor_names"]


def interceptor_names(document: Document, base: Path) -> Iterator[Finding]:
    """Those that upstreams and routes name exist, once in each list; those that exist are named somewhere."""
    known = section(document.data.get("interceptors"))
    used = set[str]()
    for at, names in _lists(document):
        here = set[str]()
        for path, name in texts(names, at):
            if name not in known:
                yield Finding(path, f"there is no interceptor {document.shown(path, name)}", _which(name, known))
            elif name in here:
                yield Finding(path, f"the interceptor {quoted(name)} stands here twice", "keep one of them")
            here.add(name)
        used |= here
    for name in known:
        if name not in used:
            message = f"no upstream and no route uses the interceptor {quoted(name)}"
            hint = "remove it, or name it in interceptors: of an upstream"
            yield Finding(("interceptors", name), message, hint, True, "warning")


def _lists(document: Document) -> Iterator[tuple[KeyPath, Any]]:
    for name, upstream in section(document.data.get("upstreams")).items():
        at: KeyPath = ("upstreams", name)
        yield (*at, "interceptors"), section(upstream).get("interceptors")
        routes = section(upstream).get("routes")
        for index, route in enumerate(routes if isinstance(routes, list) else []):
            yield (*at, "routes", index, "interceptors"), section(route).get("interceptors")


def _which(name: str, known: dict[str, Any]) -> str:
    guess = nearest(name, known)
    if guess:
        return f"did you mean {guess}?"
    return f"write {listed(known)}" if known else "add it under interceptors"


def interceptor_classes(document: Document, base: Path) -> Iterator[Finding]:
    """Each class is there, and takes its options. This runs its code as far as a start would."""
    for name, entry in section(document.data.get("interceptors")).items():
        import_path = section(entry).get("class")
        if not isinstance(import_path, str) or import_path.count(":") != 1:
            continue
        # Imported where a configuration asks for it: most do not, and start sooner.
        from proxy.config.interceptor_class import Unusable, make

        options = section(section(entry).get("options"))
        try:
            make(import_path, options, base)
        except Unusable as unusable:
            for flaw in unusable.flaws:
                at: KeyPath = ("interceptors", name, *flaw.path)
                yield Finding(at, f"interceptors.{name}: {flaw.message}", flaw.hint, flaw.at_key)
