"""What the system says of a file or a disk, in words that name the file and the way out."""

import errno
import os
from pathlib import Path

MAKE_ROOM = "Make room there, or free some of your quota, then start the same command again."
ANOTHER_PLACE = "Change that, or name another place."
REASONS = {
    errno.ENOSPC: ("the disk is full", MAKE_ROOM),
    errno.EDQUOT: ("your quota on this disk is used up", MAKE_ROOM),
    errno.EFBIG: ("files may not get that large, by the file system or by `ulimit -f`", "Raise the limit."),
    errno.EROFS: ("its disk is read-only", ANOTHER_PLACE),
    errno.EACCES: ("permission is denied for the file or its folder", ANOTHER_PLACE),
    errno.EPERM: ("the operation is not permitted", ANOTHER_PLACE),
    errno.EISDIR: ("it is a folder", "Give the name of a file."),
    errno.ENOTDIR: ("a part of its path is a file and no folder", "Give another path."),
    errno.ENAMETOOLONG: ("its name is too long", "Give a shorter one."),
    errno.ELOOP: ("links on its path point at each other", "Give another path."),
    errno.ENXIO: ("it is a socket, or a device that isn't there", "Give the name of a file."),
    errno.EBADF: ("the descriptor isn't open for writing", "Give another one."),
    errno.EIO: ("the disk reports an error", "Check the disk, then start the same command again."),
    errno.ESTALE: ("the disk's server lost it", "Start the same command again once the server answers."),
}
"""By error number what is the matter, and the way out: errors of a disk or a path, which a user can mend."""
OF_A_BUG = (errno.EBADF, errno.ENXIO)
"""Where they name no file, they come from a mistake of ours."""


def is_of_a_place(error: OSError) -> bool:
    """Whether the disk or the path is at fault."""
    return error.errno in REASONS and (error.filename is not None or error.errno not in OF_A_BUG)


def explained(error: OSError) -> str:
    """One message for such an error: the file, what is the matter, how much room is left, the way out."""
    reason, way_out = REASONS[error.errno or 0]
    if error.filename is None:  # our writers name their files
        return f"stdout, stderr or a file without a name can't be used: {reason}. {way_out}"
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else str(error.filename)
    room = f" ({_room(name)})" if error.errno == errno.ENOSPC else ""
    return f"{name} can't be used: {reason}{room}. {way_out}"


def _room(name: str) -> str:
    """How much is free on the disk of a file."""
    folder = next(parent for parent in Path(os.path.realpath(name)).parents if parent.is_dir())
    disk = os.statvfs(folder)
    if disk.f_files and not disk.f_favail:
        return f"{folder} has room for no more files, whatever their size"
    return f"{disk.f_bavail * disk.f_frsize / 2**20:.1f} MB are free in {folder}"
