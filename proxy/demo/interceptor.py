"""The interceptor of the demonstration: an ordinary class, as anyone would write it beside a configuration.

What must not live here: any knowledge of the demonstration.
"""

from dataclasses import dataclass

from proxy.intercept import Refused, Request, Response

__all__ = ["Guardrail"]


@dataclass
class Guardrail:
    """Refuses what deletes, and signs what passes with the team's name."""

    team: str

    def on_request(self, request: Request) -> None:
        if request.method == "DELETE":
            raise Refused("Nothing is deleted from here.")
        request.fields["X-Team"] = self.team

    async def on_response(self, request: Request, response: Response) -> None:
        response.fields["X-Vetted-By"] = self.team
