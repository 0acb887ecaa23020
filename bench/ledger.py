#!/usr/bin/python3
"""The ledger alone: how fast it takes events, how fast it is verified, and how fast something is found in it.

usage: bench/ledger.py [events for taking and verifying] [events for searching]
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile

import lib  # noqa: F401  (sets the path to the harness)

MAKE = os.path.join(os.environ["HYDRAVISOR_BUILD_DIR"], "bin", "make_ledger")


def run(*words):
    """What it said, a list of words a line, and the processor seconds it took."""
    before = os.times()
    done = subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return [line.split() for line in done.stdout.splitlines()], used


def bytes_below(path):
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names)


def main():
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    searched = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000_000
    top = tempfile.mkdtemp(prefix="hv-bench-ledger-")
    try:
        ledger = os.path.join(top, "ledger")
        # One core, for the thread that records and the one that syncs, hashes and seals.
        rates, used = [], 0
        for _ in range(3):
            shutil.rmtree(ledger, ignore_errors=True)
            said, used = run("taskset", "-c", "0", MAKE, "--loop", ledger, events)
            rates.append(events / float(said[0][3]))
        print(f"\n{events} events into the journal, on one core\n  taken and sealed {statistics.median(rates):12.0f} events/s   (target 200,000;"
              f" {used / events * 1e6:.2f} microseconds of CPU each)\n  journal          {bytes_below(ledger + '/journal') / events:12.1f} bytes an event")
        rates = []
        for _ in range(3):
            said, used = run("taskset", "-c", "0,1", MAKE, "--verify", ledger)
            rates.append(events / float(said[0][1]))
        print(f"\nverified on two cores\n  entries          {statistics.median(rates):12.0f} events/s   (target 1,000,000;"
              f" {used / events * 1e6:.2f} microseconds of CPU each)")
        if searched != events:
            shutil.rmtree(ledger)
            run(MAKE, "--loop", ledger, searched)
        said, _ = run(MAKE, "--search", ledger)
        print(f"\n{searched} events indexed in {float(said[0][1]):.1f} s at the lowest priority,"
              f" {float(said[0][2]) / searched * 1e6:.1f} microseconds of CPU and"
              f" {bytes_below(ledger + '/index') / searched:.1f} bytes an event\n"
              f"  searches, newest 50 (target 50 ms)     first, median ms   found")
        for _, first, median, found, *what in said[1:]:
            print(f"  {' '.join(what):<36} {float(first):8.2f} {float(median):8.2f} {found:>8}")
    finally:
        shutil.rmtree(top, ignore_errors=True)


if __name__ == "__main__":
    main()
