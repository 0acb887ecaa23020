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


def table(said):
    for _, first, median, late, own, own_late, found, *what in said[1:]:
        print(f"  {' '.join(what):<36} {float(first):8.2f} {float(median):8.2f} {float(late):8.2f} {float(own):8.2f} {float(own_late):8.2f} {found:>8}")


def main():
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    searched = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000_000
    top = tempfile.mkdtemp(prefix="hv-bench-ledger-")
    try:
        # One core, for the thread that records and the one that syncs, hashes and seals. Into a new directory each time: ext4
        # looks long for a place for the first files after many were removed. As the daemon takes a spool, and one by one.
        print(f"\n{events} events into the journal, on one core (target 200,000 events/s)")
        for how, together in (("64 by one write", 64), ("each by itself", 1)):
            rates, costs = [], []
            for turn in range(3):
                ledger = os.path.join(top, f"ledger-{together}-{turn}")
                said, used = run("taskset", "-c", "0", MAKE, "--loop", ledger, events, together)
                rates.append(events / float(said[0][3]))
                costs.append(used / events * 1e6)
            print(f"  {how:<16} {statistics.median(rates):10.0f} events/s by the clock, {statistics.median(costs):6.2f} microseconds of CPU each:"
                  f" {1e6 / statistics.median(costs):.0f} events a second of one core")
        print(f"  journal          {bytes_below(ledger + '/journal') / events:10.1f} bytes an event")
        rates = []
        for _ in range(3):
            said, used = run("taskset", "-c", "0,1", MAKE, "--verify", ledger)
            rates.append(events / float(said[0][1]))
        print(f"\nverified on two cores\n  entries          {statistics.median(rates):12.0f} events/s   (target 1,000,000;"
              f" {used / events * 1e6:.2f} microseconds of CPU each)")
        if searched != events:
            ledger = os.path.join(top, "searched")
            run(MAKE, "--loop", ledger, searched, 64)
        said, _ = run(MAKE, "--search", ledger)
        print(f"\n{searched} events indexed in {float(said[0][1]):.1f} s at the lowest priority,"
              f" {float(said[0][2]) / searched * 1e6:.1f} microseconds of CPU and"
              f" {bytes_below(ledger + '/index') / searched:.1f} bytes an event\n"
              f"  searches, newest 50 (target 50 ms)     first, median, 99th of 100, ms; of CPU: median, 99th   found")
        table(said)
        said, used = run(MAKE, "--pack", ledger)
        before, after, records = (int(word) for word in said[0][1:4])
        print(f"\npacked {records} of them from {before / records:.1f} to {after / records:.1f} bytes each (target 60), {used / records * 1e6:.2f}"
              f" microseconds of CPU each; searched again")
        table(run(MAKE, "--search", ledger)[0])
        said, used = run(MAKE, "--verify", ledger)
        print(f"  verified         {searched / float(said[0][1]):10.0f} events/s ({used / searched * 1e6:.2f} microseconds of CPU each)")
    finally:
        shutil.rmtree(top, ignore_errors=True)


if __name__ == "__main__":
    main()
