"""Reads a run's event files with TensorBoard's own reader.

Usage: read_events.py FOLDER

Prints one line of JSON: for each tag a list of [step, value]. Exit 77 if TensorBoard is missing.
"""

import json
import sys

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError as error:
    print(f"not checked: {error}", file=sys.stderr)
    sys.exit(77)

events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0})
events.Reload()
scalars = {tag: [[event.step, event.value] for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
print(json.dumps(scalars))
