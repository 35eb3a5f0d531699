"""Which drives a journal may be on: SQLite's WAL needs memory that all its users share, so all must be on one machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from ..._errors import JournalError

_NETWORK: Final = re.compile(
    r"(fuse\.)?(nfs\d?|cifs|smb\w*|9p|afs|ceph|gluster\w*|lustre|beegfs\w*|gpfs|ocfs2|gfs2|orangefs|davfs\d?|virtiofs|vboxsf|"
    r"vmhgfs\S*|prl_fs|drvfs|fakeowner|grpcfuse|osxfs|sshfs|rclone|s3fs|goofys|gcsfuse|gvfsd-fuse|google-drive\S*|onedrive\S*|"
    r"dropbox\S*|webdav)"
)

_MARKS: Final = {
    ".dropbox.cache": "Dropbox",
    ".stfolder": "Syncthing",
    ".owncloudsync.log": "ownCloud",
    ".nextcloudsync.log": "Nextcloud",
    ".tmp.drivedownload": "Google Drive",
}
_SYNCHRONISED: Final = re.compile(
    r"(OneDrive|Dropbox|Google Drive|GoogleDrive|iCloudDrive|Mobile Documents|Nextcloud)( \(.*\)| ?-.*)?"
)


def refuse_network(path: Path) -> None:
    """Refuse a path on a drive that other machines, or a synchronising program, may write, or in a synchronised folder.

    Raises:
        JournalError: names the kind of drive or folder, and the ways on.
    """
    kind = _kind(path) or synchronised_by(path)
    if kind is not None:
        raise JournalError(
            f"{path}: is on a network or synchronised drive ({kind}), where a journal gets damaged: keep it on a disk of this machine; "
            "several machines share one in PostgreSQL (postgresql://...)"
        )


def synchronised_by(path: Path) -> str | None:
    """What copies the folder of a path to other machines, by what it leaves in it, or by its name; None: nothing that is known."""
    for folder in path.parents:
        for mark, program in _MARKS.items():
            if os.path.exists(folder / mark):  # False, too, where nobody may look
                return program
        if (found := _SYNCHRONISED.fullmatch(folder.name)) is not None:
            return found[1]
    return None


def _kind(path: Path) -> str | None:
    if sys.platform == "win32":
        return _windows_kind(path)
    if sys.platform == "darwin":
        table = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False).stdout
        return network_kind_on_mac(path, table)
    try:
        return network_kind(path, Path("/proc/self/mountinfo").read_text())
    except OSError:
        return None


def network_kind(path: Path, mountinfo: str) -> str | None:
    """The type of the network drive that a path is on, by Linux's table of mounts; None: it is on none."""
    best, kind = -1, ""
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        mounted = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), left.split()[4])
        if _is_under(path, mounted) and len(mounted) >= best:  # of two on one place the later one is seen
            best, kind = len(mounted), right.split()[0]
    return kind if _NETWORK.fullmatch(kind) else None


def network_kind_on_mac(path: Path, table: str) -> str | None:
    """The same by what macOS' ``mount`` prints."""
    best, found = -1, None
    for line in table.splitlines():
        match = re.fullmatch(r".* on (/.*) \((\w+)(.*)\)", line)
        if match and _is_under(path, match[1]) and len(match[1]) >= best:
            best, found = len(match[1]), None if "local" in re.split(r",\s*", match[3]) else match[2]
    return found


def _is_under(path: Path, folder: str) -> bool:
    return folder == "/" or str(path) == folder or str(path).startswith(f"{folder}/")


def _windows_kind(path: Path) -> str | None:
    import ctypes

    windows: Any = ctypes
    remote = str(path).startswith("\\\\") or windows.windll.kernel32.GetDriveTypeW(path.anchor) == 4
    return "network drive" if remote else None
