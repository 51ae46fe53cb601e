"""Packages of npm, at pinned hashes: fetched by npm itself, so that a user's own registry and proxy work as always."""

from typing import NamedTuple

from complaint import Complaint


class Package(NamedTuple):
    """One package and the hash that npm's registry names for it."""

    name: str
    version: str
    integrity: str


def unpack_package(package, staging, folder):
    """Unpacks a package's files into `folder`; does nothing where there is no npm."""
    import base64
    import hashlib
    import shutil
    import subprocess
    import tarfile

    if shutil.which("npm") is None:
        return
    command = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
    done = subprocess.run(command, cwd=staging, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Complaint(f"npm failed:\n{done.stderr.strip()[-1500:]}", "check the network and npm's settings")
    path = staging / done.stdout.split()[-1]
    digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != package.integrity:
        raise Complaint(f"{path.name} is not the pinned package (sha512-{digest})", "do not use it")
    folder.mkdir()
    with tarfile.open(path) as archive:
        for member in archive.getmembers():
            # npm puts everything under one folder, package/.
            name = member.name.split("/", 1)[-1]
            if member.isfile() and "/" not in name:
                with archive.extractfile(member) as source, open(folder / name, "wb") as sink:
                    shutil.copyfileobj(source, sink)
