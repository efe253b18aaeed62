"""Empties a method of a Java class: it then does nothing and returns.

Source: The Java Virtual Machine Specification, chapter 4, "The class File Format".
"""

from __future__ import annotations

import struct

# Bytes after the tag of a constant of the pool; a text (tag 1) has its length before it.
_CONSTANTS = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2}
_TEXT = 1
_TAKES_TWO_PLACES = (5, 6)
_RETURN = b"\xb1"


class UnknownClassFile(Exception):
    """The class has no such method, or it is no class file. The text says which."""


def emptied(class_file: bytes, name: str, descriptor: str = "()V") -> bytes:
    """The class with the method of that name and descriptor emptied. The method must return nothing.

    Raises UnknownClassFile.
    """
    try:
        start, end = _find_code(class_file, name, descriptor)
    except (struct.error, IndexError, KeyError):
        raise UnknownClassFile("this is no class file of Java") from None
    # One local variable (this), one instruction, no handlers of exceptions, no attributes.
    code = struct.pack(">HHI", 0, 1, len(_RETURN)) + _RETURN + struct.pack(">HH", 0, 0)
    return class_file[:start] + struct.pack(">I", len(code)) + code + class_file[end:]


def _find_code(data: bytes, name: str, descriptor: str) -> tuple[int, int]:
    """Where the length of the method's Code attribute begins, and where the attribute ends."""
    texts, at = _read_texts(data)
    at += 6  # flags, the class, its superclass
    (interfaces,) = struct.unpack_from(">H", data, at)
    at += 2 + 2 * interfaces
    for kind in ("fields", "methods"):
        (count,) = struct.unpack_from(">H", data, at)
        at += 2
        for _ in range(count):
            _, name_index, descriptor_index, attributes = struct.unpack_from(">HHHH", data, at)
            wanted = kind == "methods" and (texts[name_index], texts[descriptor_index]) == (name, descriptor)
            at += 8
            for _ in range(attributes):
                attribute, length = struct.unpack_from(">HI", data, at)
                if wanted and texts[attribute] == "Code":
                    return at + 2, at + 6 + length
                at += 6 + length
    raise UnknownClassFile(f"the class has no method {name}{descriptor}")


def _read_texts(data: bytes) -> tuple[dict[int, str], int]:
    """The texts of the constant pool by their indices, and where the pool ends."""
    magic, _, count = struct.unpack_from(">IIH", data)
    if magic != 0xCAFEBABE:
        raise UnknownClassFile("this is no class file of Java")
    texts, at, index = {}, 10, 1
    while index < count:
        tag = data[at]
        if tag == _TEXT:
            (length,) = struct.unpack_from(">H", data, at + 1)
            texts[index] = data[at + 3 : at + 3 + length].decode("utf-8", "replace")
            at += 3 + length
        else:
            at += 1 + _CONSTANTS[tag]
        index += 2 if tag in _TAKES_TWO_PLACES else 1
    return texts, at
