from proxy.message.whole import WholeContent


async def test_it_is_read_once() -> None:
    content = WholeContent(b"abc")
    assert (content.length, content.complete) == (3, True)
    assert (await content.read(), await content.read()) == (b"abc", b"")


def test_it_is_taken_once() -> None:
    content = WholeContent(b"abc")
    assert (content.take(), content.take()) == (b"abc", b"")


async def test_what_was_closed_holds_nothing_any_more() -> None:
    content = WholeContent(b"abc")
    content.close()
    assert await content.read() == b""
