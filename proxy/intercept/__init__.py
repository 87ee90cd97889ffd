"""Interceptors: what a class of one's own is given, and what it may answer.

A class has any of the three methods, plain or `async`; there is nothing to inherit from:

    def on_request(self, request: Request) -> Response | None      before anything is sent; an answer ends the way there
    def on_response(self, request: Request, response: Response) -> Response | None      before the caller is answered
    def on_error(self, request: Request, error: Failure) -> Response | None      instead, when Outrider has no answer

Change what you are given, return a Response to answer by yourself, or raise Refused. Anything else that is raised fails
the request. What must not live here: finding and making classes (`proxy.config.interceptor_class`), which route has
which of them (`proxy.chain.intercept`).
"""

from proxy.intercept.body import TooLarge
from proxy.intercept.failure import Failure, Refused
from proxy.intercept.fields import Fields
from proxy.intercept.query import Query
from proxy.intercept.request import Request
from proxy.intercept.response import Response

__all__ = ["Failure", "Fields", "Query", "Refused", "Request", "Response", "TooLarge"]
