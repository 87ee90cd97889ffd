"""The chapters in the order in which they are told: one feature, one file. A new feature adds its chapter to the list.

What must not live here: how a step is asked and printed (`proxy.demo.scene`, `proxy.demo.report`).
"""

from proxy.demo.chapters.addresses import addresses
from proxy.demo.chapters.callers import callers
from proxy.demo.chapters.circuits import circuits
from proxy.demo.chapters.contents import contents
from proxy.demo.chapters.faults import faults
from proxy.demo.chapters.guard import guard
from proxy.demo.chapters.interceptors import interceptors
from proxy.demo.chapters.live import live
from proxy.demo.chapters.observing import observing
from proxy.demo.chapters.pace import pace
from proxy.demo.chapters.profiles import profiles
from proxy.demo.chapters.retries import retries
from proxy.demo.chapters.sessions import sessions
from proxy.demo.chapters.sharing import sharing
from proxy.demo.chapters.steering import steering
from proxy.demo.scene import Chapter

__all__ = ["CHAPTERS"]

CHAPTERS = [
    Chapter("Credentials go in on the way, the caller never holds one", profiles),
    Chapter("A session renews itself, and nobody notices", sessions),
    Chapter("What a caller says, and what it may not", callers),
    Chapter("Content of any size streams both ways, untouched", contents),
    Chapter("Live connections", live),
    Chapter("Addresses", addresses),
    Chapter("Who is turned away", guard),
    Chapter("When the API fails, the answer says how", faults),
    Chapter("One shape for errors, and a class of one's own in the way", interceptors),
    Chapter("What is tried again, and what never is", retries),
    Chapter("Identical requests are one call", sharing),
    Chapter("No faster than they may", pace),
    Chapter("When the API is ill, it is left alone", circuits),
    Chapter("What the operator sees", observing),
    Chapter("What the operator does", steering),
]
