from hypothesis import given
from hypothesis import strategies as st

from harness.functions.rules.splitter import LONGEST, Splitter


def framed(text: bytes) -> bytes:
    return b"\xa5\x5a\x00\x03" + len(text).to_bytes(4, "big") + (0).to_bytes(8, "big") + text


def split(*pieces: bytes) -> list[str]:
    splitter = Splitter()
    return [message for piece in pieces for message in splitter.feed(piece)] + splitter.flush()


def test_each_printed_line_is_a_message_with_its_end_of_line() -> None:
    assert split(b"one\ntwo\r\n\nlast") == ["one\n", "two\r\n", "\n", "last"]


def test_a_frame_is_one_message_whatever_lines_it_has() -> None:
    assert split(b"before" + framed(b"[ERROR] boom\n  at x") + b"after\n") == [
        "before",
        "[ERROR] boom\n  at x",
        "after\n",
    ]


def test_an_emoji_cut_between_two_reads_stays_whole() -> None:
    dog = "🐶 woof\n".encode()
    assert split(dog[:2], dog[2:]) == ["🐶 woof\n"]


def test_bytes_that_are_not_utf8_are_replaced() -> None:
    assert split(b"\xff\xfe\n") == ["\ufffd\ufffd\n"]


def test_a_line_without_end_is_cut_and_memory_stays_bounded() -> None:
    splitter = Splitter()
    messages = [message for _ in range(20) for message in splitter.feed(b"x" * 65_536)]
    assert {len(message) for message in messages} == {LONGEST}
    assert len(splitter._buffer) <= LONGEST + 65_536


def test_a_frame_that_is_too_long_is_cut_and_the_rest_of_it_skipped() -> None:
    assert split(framed(b"y" * (LONGEST + 70_000)) + b"next\n") == ["y" * LONGEST, "next\n"]


def test_a_frame_that_is_still_being_written_waits() -> None:
    splitter = Splitter()
    whole = framed(b"slow")
    assert splitter.feed(whole[:18]) == []
    assert splitter.flush() == []
    assert splitter.feed(whole[18:]) == ["slow"]


text = st.binary(max_size=40).filter(lambda data: b"\xa5" not in data)
stream = st.lists(st.one_of(text, text.map(framed)), max_size=12).map(b"".join)


@given(stream, st.lists(st.integers(1, 30), max_size=30))
def test_messages_do_not_depend_on_how_the_stream_was_read(data: bytes, sizes: list[int]) -> None:
    pieces, rest = [], data
    for size in sizes:
        pieces.append(rest[:size])
        rest = rest[size:]
    assert split(*pieces, rest) == split(data)
