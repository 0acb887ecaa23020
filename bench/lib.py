"""Timing for the benchmarks: candidates take turns, so that a noisy second hurts all alike; medians, never means."""

import glob
import os
import statistics
import subprocess
import sys
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.environ.setdefault("HYDRAVISOR_SOURCE_DIR", SOURCE)
os.environ.setdefault("HYDRAVISOR_BUILD_DIR", os.path.join(SOURCE, "build/release"))
sys.path.insert(0, os.path.join(SOURCE, "tests/functional/lib"))


class Candidate:
    def __init__(self, name, command, env=None, cwd=None, rounds=None):
        self.name, self.command, self.env, self.cwd, self.rounds = name, command, env, cwd, rounds

    def once(self):
        """Milliseconds from the start of the process to its collected end."""
        begin = time.perf_counter_ns()
        process = subprocess.Popen(self.command, env=self.env, cwd=self.cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        status = process.wait()
        elapsed = (time.perf_counter_ns() - begin) / 1e6
        if status != 0:
            shown = subprocess.run(self.command, env=self.env, cwd=self.cwd, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            raise SystemExit(f"{self.name}: {' '.join(self.command)} exited with {status}:\n{shown.stderr.decode(errors='replace')}")
        return elapsed


def compare(title, candidates, rounds=100, pause=0.0, series=1):
    """Prints and returns the medians; ratios are to the first candidate. A turn is a series of so many, and where it is more than one, one
    that is not counted comes before it."""
    times = {candidate.name: [] for candidate in candidates}
    for candidate in candidates:
        candidate.once()
    for i in range(0, rounds, series):
        for candidate in candidates:
            if series > 1:
                candidate.once()
            for _ in range(series if i < (candidate.rounds or rounds) else 0):
                time.sleep(pause)
                times[candidate.name].append(candidate.once())
    reference = statistics.median(times[candidates[0].name])
    print(f"\n{title}{f', {pause * 1000:.0f} ms pauses' if pause else ', back to back'}")
    medians = {}
    for candidate in candidates:
        values = sorted(times[candidate.name])
        medians[candidate.name] = statistics.median(values)
        print(f"  {candidate.name:<34} {medians[candidate.name]:9.2f} ms   {medians[candidate.name] / reference:6.2f} x"
              f"   (p10 {values[len(values) // 10]:.2f}, p90 {values[len(values) * 9 // 10]:.2f}, n {len(values)})")
    sys.stdout.flush()
    return medians


def srt():
    """The program of the sandbox runtime that tools/fetch-npm fetched, or None."""
    import hydravisor
    found = glob.glob(os.path.join(hydravisor.cache_dir(), "npm/@anthropic-ai+sandbox-runtime-*/node_modules/.bin/srt"))
    return found[0] if found else None


def have(program):
    return any(os.access(os.path.join(directory, program), os.X_OK) for directory in os.environ["PATH"].split(":"))
