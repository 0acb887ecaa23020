#!/usr/bin/python3
"""kill -9 of the daemon with many sandboxes alive: how long until a new daemon has all of them again?

usage: bench/recovery.py [sandboxes] [rounds]    100 and 5 when not said; bench/rootless runs it as an ordinary user
"""

import os
import signal
import statistics
import sys
import time

import lib  # noqa: F401  finds the tests' library
import hydravisor

MOST_SECONDS = 1.0


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    world = hydravisor.World()
    times = []
    try:
        for i in range(count):
            world.ok("create", "--name", f"s-{i}", "--workspace", "none", "--", "sleep", "100000")
            world.ok("start", f"s-{i}")
        for _ in range(rounds):
            os.kill(world.daemon_pid(), signal.SIGKILL)
            began = time.perf_counter()
            items = world.json("ls")["items"]
            running = [item for item in items if item["state"] == "running"]
            times.append(time.perf_counter() - began)
            if len(running) != count:
                raise SystemExit(f"of {count} sandboxes {len(running)} run after the kill")
            world.ok("exec", f"s-{count - 1}", "--", "/bin/true")
    finally:
        for line in world.close():
            print(f"left behind: {line}", file=sys.stderr)
    print(f"{count} sandboxes are all known again {statistics.median(times) * 1000:.0f} ms after the daemon was killed "
          f"(median of {rounds}; slowest {max(times) * 1000:.0f} ms)")
    sys.exit(1 if statistics.median(times) > MOST_SECONDS else 0)


if __name__ == "__main__":
    main()
