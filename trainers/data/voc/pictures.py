"""Which picture an annotation belongs to: the one with the name of its image id decides."""

from contextlib import suppress
from pathlib import Path, PurePosixPath

from trainers.data.errors import DataError, show
from trainers.data.folder import refuse_outside
from trainers.data.voc.lists import ListedImage
from trainers.data.voc.stems import Stems


def candidates(image: ListedImage, pictures: Stems) -> list[str]:
    """The pictures that have the image's id as their name, without ending or (where the id has one) with it."""
    image_id = image.image_id
    return [*pictures.named(image_id), *([image_id] if image_id in pictures else [])]


def picture_name(image: ListedImage, filename: str | None, path: Path, pictures: Stems, annotations: Stems) -> str:
    """The name of the picture below the folder of images, for the annotation at `path`.

    It is the one named by the id. Between several the list chooses, then <filename>. Where there is none <filename>
    names it, since files are often renamed together and <filename> stays as it was: it must not lead to the picture of
    another id. Raises DataError where several pictures fit, and for that of another id. The name returned may be of no
    file, or lead outside.
    """
    names = candidates(image, pictures)
    if len(names) == 1:
        return names[0]
    if names:
        return _chosen(names, (image.file_name, filename), path)
    if filename is None:
        return f"{image.image_id}.jpg"
    name = _named_by(filename, image, path, pictures)
    stem = str(PurePosixPath(name).with_suffix("")) if name in pictures else name
    if stem != image.image_id and annotations.named(stem):
        reason = f"names the image {show(name)}, which is that of {annotations.named(stem)[0]}; there is no picture"
        raise DataError(path, f"{reason} named {show(image.image_id)}")
    return name


def is_other(filename: str, picture: str) -> bool:
    """Whether <filename> names another file than the picture; the ending, the folder and the case don't matter."""
    named, read = PurePosixPath(_last(filename).casefold()), PurePosixPath(picture.casefold())
    return not {named.name, named.stem} & {read.name, read.stem}


def _chosen(names: list[str], wanted: tuple[str | None, ...], path: Path) -> str:
    """The only one of several pictures that has one of the wanted names; the case counts where two have it."""
    for name in filter(None, wanted):
        for fold in (str, str.casefold):
            fitting = [one for one in names if fold(PurePosixPath(one).name) == fold(_last(name))]
            if len(fitting) == 1:
                return fitting[0]
    raise DataError(path, f"belongs to {len(names)} pictures, and doesn't say to which: {', '.join(names)}")


def _named_by(filename: str, image: ListedImage, path: Path, pictures: Stems) -> str:
    """The picture that <filename> names: whole, else by its last component, with its ending or without.

    Where the id has a folder in which pictures lie, a name without a folder is of one of these.
    """
    whole, last = filename.replace("\\", "/"), _last(filename)
    own = PurePosixPath(image.image_id).parent
    folders = [own] if pictures.has_folder(str(own)) else [own, PurePosixPath()]
    with suppress(DataError):
        refuse_outside(path, whole, "names")
        if whole in pictures and (whole != last or PurePosixPath() in folders):
            return whole
    for folder in dict.fromkeys(folders):
        if (same := str(folder / last)) in pictures:
            return same
        if names := pictures.named(same) or pictures.named(str(folder / PurePosixPath(last).stem)):
            return names[0] if len(names) == 1 else _chosen(names, (), path)
    return filename if PurePosixPath() in folders or whole != last else str(own / last)


def _last(filename: str) -> str:
    return filename.replace("\\", "/").rpartition("/")[2]
