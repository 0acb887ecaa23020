#!/usr/bin/python3
"""What it costs the daemon to sample many sandboxes once a second: its processor time, in percent of one core, beside what it uses
when nobody samples.

usage: bench/sampling.py [sandboxes] [seconds]
"""

import json
import os
import sys
import threading
import time

import lib  # noqa: F401 - sets the paths of the next one
import hydravisor


def processor_seconds(pid):
    """In user and system mode, of all its threads, as finely as the scheduler counts."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def percent(pid, seconds):
    before, began = processor_seconds(pid), time.monotonic()
    time.sleep(seconds)
    return 100 * (processor_seconds(pid) - before) / (time.monotonic() - began)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    world = hydravisor.World()
    try:
        for i in range(count):
            world.ok("create", "--name", f"sampled-{i}", "--", "sh", "-c", "for i in 1 2 3 4 5; do echo $i > f$i; done; sleep 100000")
            world.ok("start", f"sampled-{i}")
        daemon = world.daemon_pid()
        time.sleep(2)
        idle = percent(daemon, seconds)
        top = world.start_cli("top", "--json", "--interval", "1s")
        first = json.loads(top.stdout.readline())
        assert len(first["sandboxes"]) == count, f"{len(first['sandboxes'])} were sampled"
        samples = []
        reader = threading.Thread(target=lambda: samples.extend(len(line) for line in top.stdout))
        reader.start()
        time.sleep(2)
        taken = len(samples)
        sampling = percent(daemon, seconds)
        taken = len(samples) - taken
        top.terminate()
        reader.join()
        top.wait()
        assert taken >= seconds - 1, f"only {taken} samples came in {seconds} s"
        print(f"\n{count} sandboxes sampled once a second: the daemon uses {sampling:.2f} % of one core, {idle:.2f} % without "
              f"({samples[-1] / 1024:.0f} KiB a sample)")
    finally:
        for line in world.close():
            print(f"left behind: {line}", file=sys.stderr)


if __name__ == "__main__":
    main()
