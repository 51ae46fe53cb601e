"""The processes of a program that is measured: its own, and all that it started. Linux alone."""

import os
from pathlib import Path


def tree(process):
    """The process, and all below it."""
    children = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int(fields(folder.name)[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(folder.name))
    found = [process]
    for one in found:
        found.extend(children.get(one, []))
    return found


def cpu_seconds(process):
    """By process of the tree that has not ended, the CPU time that it has spent."""
    spent = {}
    for one in tree(process):
        try:
            of_process = fields(one)
        except OSError:
            continue
        spent[one] = (int(of_process[11]) + int(of_process[12])) / os.sysconf("SC_CLK_TCK")
    return spent


def fields(process):
    """What the system says of a process, behind its name: state, parent and so on (proc(5))."""
    return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
