"""Fixtures of the journal's tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journal.support import Where


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a journal on disk is to be made."""
    return tmp_path / "bookings.db"


@pytest.fixture(params=["sqlite", "postgres"])
def path(request: pytest.FixtureRequest, file: Path) -> Where:
    """Where a journal is to be made: on disk, or in a database."""
    where: Where = file if request.param == "sqlite" else request.getfixturevalue("postgres").fresh()
    return where


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=5500k", "tmpfs", str(disk)]
    if sys.platform != "linux" or os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root on Linux")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)
