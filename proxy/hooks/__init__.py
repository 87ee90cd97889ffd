"""Hooks: webhooks and commands that are told what happens, beside the requests and never in their way."""

from proxy.hooks.hooks import Hooks

__all__ = ["Hooks"]
