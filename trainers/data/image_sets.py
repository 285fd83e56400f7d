"""The image sets of a folder: found by the layouts of a format, or named by the user."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from trainers.data.errors import DataError, OnBadData
from trainers.data.hold_out import NOTHING_HELD_OUT, HoldOut
from trainers.data.layout import NOTHING_NAMED, Layout, NamedFiles, Parts, SetFiles
from trainers.data.sample import DetectionData

if TYPE_CHECKING:
    from trainers.data.formats import Format


@dataclass(frozen=True)
class ImageSets:
    """Data of a format below a folder.

    root: the folder; None where `named` has all. named: files that the user names. follow_links: whether links in the
    data may lead outside. hold_out: parts of a set that are sets of their own.
    """

    form: "Format"
    root: Path | None
    named: NamedFiles = NOTHING_NAMED
    follow_links: bool = False
    hold_out: HoldOut = NOTHING_HELD_OUT

    def names(self) -> list[str]:
        """The names of the image sets that have files. Raises DataError if there are none."""
        names = {name for sets in self._by_layout.values() for name in sets} | self.named.sets
        if not names:
            raise DataError(self.root or "the data", self._nothing_here(), self._way_out())
        return sorted(names)

    def files(self, name: str) -> Parts:
        """Where an image set lies. Raises DataError if it isn't there, or can be read in more than one way."""
        if name in self.hold_out.parts:
            if name in self.names():
                reason = f"data.hold_out holds {name} out of {self.hold_out.source}, but there is an image set {name!r}"
                raise DataError(self.root or "the data", reason, "Give the part another name, or leave it out")
            return self.files(self.hold_out.source)
        readings = {sets[name]: layout for layout, sets in self._by_layout.items() if name in sets}
        if name in self.named.sets:
            return (self._named_files(name, readings),)
        if not readings:
            way_out = f"Choose one of those there: {', '.join(self.names())}"  # raises where the whole folder is wrong
            raise DataError(self.root or "the data", f"there is no image set {name!r}", way_out)
        if len(readings) > 1:
            raise self._ambiguous(name, readings)
        [parts] = readings
        return tuple(replace(part, follow_links=self.follow_links) for part in parts)

    def read(
        self, name: str, *, class_names: Sequence[str] | None = None, on_bad_data: OnBadData = "error"
    ) -> DetectionData:
        """Read an image set, by default with the format's own class names, and add what the format says of its objects.

        Raises DataError for a set that isn't there, and for bad data unless `on_bad_data` is "skip".
        """
        form, names = self.form, self.class_names(name) if class_names is None else class_names
        data = form.reader(self.files(name), class_names=names, on_bad_data=on_bad_data)
        data = self.hold_out.part_of(data, name)
        return replace(data, rule=form.rule, learns_difficult=form.learns_difficult)

    def images(self, name: str) -> dict[str, Path]:
        """The image file of each image of a set, by image id; nothing is decoded. Raises DataError as `files` does."""
        images = self.form.images(self.files(name))
        return {image_id: file for image_id, file in images.items() if self.hold_out.has(name, image_id)}

    def class_names(self, name: str) -> tuple[str, ...]:
        """The class names that the files of a set list, or those of the benchmark where a format lists none."""
        listed = self.form.classes.listed
        return self.form.classes.own if listed is None else listed(self.files(name))

    def reading(self, name: str) -> str:
        """As what an image set is read, in one line."""
        parts, whole = self.files(name), self.hold_out.source if name in self.hold_out.parts else name
        layout = next((one for one, sets in self._by_layout.items() if whole in sets), None)
        where = "; ".join(f"annotations in {part.annotations}, images in {part.images}" for part in parts)
        how = "as named" if whole in self.named.sets or layout is None else layout.title
        chosen = f"{text}, " if (text := self.hold_out.text(name)) else ""
        return f"{name}: {chosen}read as {self.form.title} ({how}): {where}"

    @cached_property
    def _by_layout(self) -> dict[Layout, Mapping[str, Parts]]:
        if self.root is None:
            return {}
        sets = {layout: layout.sets(self.root) for layout in self.form.layouts}
        return {layout: one for layout, one in sets.items() if one}

    def _named_files(self, name: str, readings: Mapping[Parts, Layout]) -> SetFiles:
        """A set of which files are named; what isn't named is taken from the layout."""
        annotations, images = self.named.annotations.get(name), self.named.images.get(name)
        for key, path in (("annotations", annotations), ("images", images)):
            if path is not None and not path.exists():
                raise DataError(path, f"there is nothing here, but {_named_by(key, name)} names it", "Correct the path")
        if annotations is not None and images is not None:
            return SetFiles(self.root or images, annotations, images, follow_links=self.follow_links)
        if len(readings) > 1:
            raise self._ambiguous(name, readings)
        part = replace(self._one_part(name, readings), follow_links=self.follow_links)
        if annotations is not None:
            return replace(part, annotations=annotations, ids=None)
        return part if images is None else replace(part, images=images)

    def _one_part(self, name: str, readings: Mapping[Parts, Layout]) -> SetFiles:
        parts = next(iter(readings), ())
        if len(parts) == 1:
            return parts[0]
        given, missing = ("annotations", "images") if name in self.named.annotations else ("images", "annotations")
        reason = f"the {given} of {name} are named, but nothing says where its {missing} are"
        raise DataError(self.root or "the data", reason, f"Name these too: {_named_by(missing, name)}")

    def _ambiguous(self, name: str, readings: Mapping[Parts, Layout]) -> DataError:
        ways = " or ".join(
            f"{layout.title} (annotations {parts[0].annotations}, images {parts[0].images})"
            for parts, layout in readings.items()
        )
        keys = " and ".join(_named_by(key, name) for key in ("annotations", "images"))
        return DataError(self.root or "the data", f"the set {name} can be read as {ways}", f"Say which: {keys}")

    def _way_out(self) -> str:
        ways = [layout.way_out(self.root) for layout in self.form.layouts] if self.root is not None else []
        return next(filter(None, ways), self.form.name_the_root)

    def _nothing_here(self) -> str:
        if self.root is not None and not self.root.exists():
            return "there is no data here: it doesn't exist"
        looked_for = "; ".join(layout.title for layout in self.form.layouts)
        return f"there is no {self.form.title} data here: looked for {looked_for}"


def _named_by(key: str, name: str) -> str:
    """What names the annotations or images of a set."""
    return f"data.{key}.{name} (--{key})"
