"""TensorBoard's event files: scalars by tag and step, appended as they come, and made to agree with a record."""

import os
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.record_writer import masked_crc32c

from trainers.whole_files import naming_errors

Point = tuple[int, Mapping[str, float]]
"""A step, and the value of each tag there."""


class EventFolder:
    """The scalars of one TensorBoard run, in the last event file of a folder.

    Written without tensorboardX's own writer, which keeps events back for up to two minutes in a thread: here each is
    in the file when the call returns, and a killed process loses none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def append(self, step: int, values: Mapping[str, float]) -> None:
        """Add the values of one more step."""
        files = self._files()
        file = files[-1] if files else self._new_file([])
        with naming_errors(file), file.open("ab") as opened:
            opened.write(_record(_scalars(step, values, time.time())))

    def hold(self, points: Sequence[Point]) -> None:
        """Make the folder hold these scalars and no others; nothing is written where it does.

        What it held keeps its time. The rest of a half-written event, and steps that are no longer in the record, go:
        by a new file, since TensorBoard reads each once, and a TensorBoard that is at work drops what it has read.
        """
        wanted = {(tag, step): _float32(value) for step, values in points for tag, value in values.items()}
        files = self._files()
        held: list[tuple[tuple[str, int], float]] = []
        times: dict[tuple[str, int], float] = {}
        for event in (event for file in files for event in events_in(file)):
            for value in event.summary.value:
                held.append(((value.tag, event.step), value.simple_value))
                times.setdefault((value.tag, event.step), event.wall_time)
        read = sum(len(_record(event)) for file in files[-1:] for event in events_in(file))
        whole = read == sum(file.stat().st_size for file in files)
        if whole and len(held) == len(wanted) and dict(held) == wanted:
            return
        now = time.time()
        self._new_file([_scalars(n, values, min(times.get((t, n), now) for t in values)) for n, values in points])
        for file in files:
            if file.stat().st_size:
                os.truncate(file, 0)  # not removed: a TensorBoard that reads it now would never come to the next file
            else:
                file.unlink()

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("events.out.tfevents.*"))

    def _new_file(self, events: list[Event]) -> Path:
        """A file whose name comes after those of all others, for TensorBoard reads them in this order."""
        file = self._folder / f"events.out.tfevents.{time.time():.6f}.bitfront"
        begin = [Event(wall_time=time.time(), file_version="brain.Event:2")]
        begin += [Event(wall_time=time.time(), step=0, session_log=SessionLog(status=SessionLog.START))]
        with naming_errors(file):
            self._folder.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as opened:
                opened.write(b"".join(_record(event) for event in [*begin, *events]))
        return file


def events_in(file: Path) -> Iterator[Event]:
    """The events of a file, up to the first that is not whole."""
    content, at = file.read_bytes(), 0
    while at + 12 <= len(content):
        (length,) = struct.unpack_from("<Q", content, at)
        record = content[at : at + length + 16]
        if len(record) < length + 16 or struct.unpack_from("<I", record, 8)[0] != masked_crc32c(record[:8]):
            return
        yield Event.FromString(record[12:-4])
        at += length + 16


def _scalars(step: int, values: Mapping[str, float], at: float) -> Event:
    summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
    return Event(wall_time=at, step=step, summary=summary)


def _record(event: Event) -> bytes:
    """An event with its length before it, and a checksum behind each of the two."""
    content = event.SerializeToString()
    length = struct.pack("<Q", len(content))
    return b"".join(part + struct.pack("<I", masked_crc32c(part)) for part in (length, content))


def _float32(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])
