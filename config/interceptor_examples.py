"""Interceptors to begin with: one that refuses, one that answers when the API cannot, one that changes answers.

Each is a dataclass whose fields are its options. config/interceptors.yaml uses them.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from proxy.intercept import Failure, Refused, Request, Response


@dataclass
class OpeningHours:
    """Refuses what changes something outside of office hours (UTC)."""

    opens: int
    closes: int
    methods: list[str] = field(default_factory=lambda: ["POST", "PUT", "PATCH", "DELETE"])

    def __post_init__(self) -> None:
        if not 0 <= self.opens < self.closes <= 24:
            raise ValueError("opens must be before closes, and both from 0 to 24")

    def on_request(self, request: Request) -> None:
        if request.method in self.methods and not self.opens <= datetime.now(UTC).hour < self.closes:
            raise Refused(f"Changes are made from {self.opens} to {self.closes} o'clock.")


@dataclass
class Fallback:
    """Answers for paths that have a fixed answer, when Outrider cannot reach the API or leaves it alone."""

    answers: dict[str, Any]

    def on_error(self, request: Request, error: Failure) -> Response | None:
        if request.method != "GET" or not error.retryable or request.path not in self.answers:
            return None
        return Response.of_json(self.answers[request.path], fields={"X-Fallback": error.code})


@dataclass
class Masked:
    """Hides members of JSON objects in answers."""

    members: list[str]

    def on_request(self, request: Request) -> None:
        # Only what can be read can be masked.
        request.fields["Accept-Encoding"] = "identity"

    async def on_response(self, request: Request, response: Response) -> None:
        if response.fields.get("Content-Type", "").startswith("application/json"):
            response.replace_json(self._masked(await response.json()))

    def _masked(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: "•••" if name in self.members else self._masked(inner) for name, inner in value.items()}
        return [self._masked(item) for item in value] if isinstance(value, list) else value
