#!/usr/bin/python3
"""Sandboxes made one after another, each started, run to its end and removed: how many fail?

usage: bench/creates.py [sandboxes]              10,000 when not said; bench/rootless runs it as an ordinary user
"""

import statistics
import subprocess
import sys
import time

import lib  # noqa: F401  finds the tests' library
import hydravisor


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    world = hydravisor.World()
    failures, times, began = [], [], time.monotonic()
    try:
        for number in range(count):
            before = time.perf_counter()
            done = subprocess.run([hydravisor.CLI, "run", "--", "/bin/true"], env=world.env, cwd=world.project, stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=120, check=False)
            times.append((time.perf_counter() - before) * 1000)
            if done.returncode != 0:
                failures.append(f"{number}: {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
        hydravisor.wait_for(lambda: world.sandboxes() == [], 60, "the removal of every sandbox")
        world.ok("audit", "verify", timeout=600)
    finally:
        failures += [f"left behind: {line}" for line in world.close()]
    for line in failures[:20]:
        print(line)
    print(f"{count} sandboxes in {time.monotonic() - began:.0f} s, {len(failures)} failures; median {statistics.median(times):.1f} ms, "
          f"99 % below {sorted(times)[len(times) * 99 // 100]:.1f} ms")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
