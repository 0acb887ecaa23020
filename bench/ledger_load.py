#!/usr/bin/python3
"""The daemon under load: what an event costs it when many sandboxes start programs as fast as they can, and how far behind it is.

usage: bench/ledger_load.py [sandboxes] [programs in each]
"""

import os
import sys
import time

import lib  # noqa: F401  (sets the path to the harness)
import hydravisor


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    sandboxes = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    programs = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    world = hydravisor.World()
    try:
        names = [f"load-{i}" for i in range(sandboxes)]
        script = f"i=0; while [ $i -lt {programs} ]; do /bin/true; i=$((i+1)); done"
        for name in names:
            world.ok("create", "--name", name, "--workspace", "none", "--", "sh", "-c", script)
        pid = world.daemon_pid()

        def recorded():
            return world.json("audit", "verify", "--since-last")["entries"]

        events, used, began = recorded(), processor_seconds(pid), time.monotonic()
        for name in names:
            world.ok("start", name)
        for name in names:
            world.ok("wait", name)
        took = time.monotonic() - began
        # What the daemon still reads from the spools, and indexes, is its work too.
        while True:
            before = processor_seconds(pid)
            time.sleep(1)
            if processor_seconds(pid) == before:
                break
        spent = processor_seconds(pid) - used
        events = recorded() - events
        print(f"\n{sandboxes} sandboxes, {events} events in {took:.1f} s: {spent / events * 1e6:.2f} microseconds of the daemon's CPU an event, starts and"
              f" index included (target 5 for the journal)")
    finally:
        for line in world.close():
            print(f"left behind: {line}", file=sys.stderr)


if __name__ == "__main__":
    main()
