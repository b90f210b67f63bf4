"""Writes what the outside saw, one JSON line each: {"t": seconds of CLOCK_MONOTONIC, "event": words}."""
import json
import os
import time


class Seen:
    def __init__(self, directory):
        # One write each, at the end of the file: several processes write to it.
        self.file = os.open(os.path.join(directory, "seen.jsonl"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def __call__(self, event):
        os.write(self.file, (json.dumps({"t": time.monotonic(), "event": event}) + "\n").encode())
