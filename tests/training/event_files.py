"""Event files of TensorBoard to their scalars, by the formats alone, without a library.

A record is its length (u64), a checksum of the length, the bytes, and a checksum of the bytes. The
bytes are a protocol buffer: `Event` with `wall_time` 1, `step` 2, `file_version` 3, `summary` 5 and
`session_log` 7; a `Summary` holds values (1) with `tag` 1 and `simple_value` 2.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_POLYNOMIAL = 0x82F63B78  # CRC-32C (Castagnoli), reflected


@dataclass
class EventRecord:
    step: int = 0
    version: str = ""
    restarts: bool = False
    scalars: dict[str, float] = field(default_factory=dict)


def read_events(folder: Path) -> list[EventRecord]:
    """The records of all event files of a folder, file by file in the order of their names."""
    files = sorted(folder.glob("events.out.tfevents.*"))
    return [_event(record) for file in files for record in _records(file.read_bytes())]


def _records(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        (length, check) = struct.unpack_from("<QI", data, at)
        assert check == masked_crc(data[at : at + 8]), "the length is damaged"
        record = data[at + 12 : at + 12 + length]
        assert len(record) == length, "the file is cut"
        (check,) = struct.unpack_from("<I", data, at + 12 + length)
        assert check == masked_crc(record), "the record is damaged"
        yield record
        at += 16 + length


def masked_crc(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_POLYNOMIAL if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and values: whole numbers, or the bytes of anything else."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        match key & 7:
            case 0:
                value, at = _varint(data, at)
                yield key >> 3, value
            case 1 | 5 as kind:
                size = 8 if kind == 1 else 4
                yield key >> 3, data[at : at + size]
                at += size
            case 2:
                size, at = _varint(data, at)
                yield key >> 3, data[at : at + size]
                at += size
            case other:
                raise AssertionError(f"unknown wire type {other}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:
            return value, at


def _event(record: bytes) -> EventRecord:
    event = EventRecord()
    for number, value in _fields(record):
        if number == 2:
            assert isinstance(value, int)
            event.step = value
        elif isinstance(value, bytes):
            if number == 3:
                event.version = value.decode()
            elif number == 5:
                event.scalars = dict(_scalar(v) for n, v in _fields(value) if n == 1)
            elif number == 7:
                event.restarts = (1, 1) in list(_fields(value))
    return event


def _scalar(value: int | bytes) -> tuple[str, float]:
    assert isinstance(value, bytes)
    facts = dict(_fields(value))
    tag, number = facts[1], facts.get(2, b"\0\0\0\0")
    assert isinstance(tag, bytes) and isinstance(number, bytes)
    return tag.decode(), struct.unpack("<f", number)[0]
