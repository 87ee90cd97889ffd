import asyncio
from pathlib import Path

from proxy.chain import Context
from proxy.observe.tally import Tallies


async def test_what_is_shared_is_made_once_for_each_upstream_and_kind() -> None:
    context = Context(asyncio.get_running_loop(), Tallies(["a", "b"]), {}, {}, Path(), {})
    made = [
        context.shared("a", list, list),
        context.shared("a", list, list),
        context.shared("b", list, list),
        context.shared("a", dict, dict),
    ]
    assert made[0] is made[1]
    assert made[0] is not made[2]
    assert isinstance(made[3], dict)
