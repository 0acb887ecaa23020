#!/usr/bin/python3
"""Hours of ordinary work on one daemon: sandboxes come, run, are changed and go. Its memory and its descriptors stay as they are.

usage: bench/soak.py [minutes [rest]]            120 minutes when not said, and `rest` seconds between two turns, 0 when not said;
                                                 bench/rootless runs it as an ordinary user

A line a minute. At the end the first quarter is held against the last: exits with 1 when the daemon's own memory grew by more than a tenth
and 2 MB, its descriptors by more than 8 and the 16 shards of the index that searches keep open, or anything was left behind. Mapped files
(its program, the index) are not counted: the kernel takes their pages back when it needs them.
"""

import os
import statistics
import sys
import time

import lib  # noqa: F401  finds the tests' library
import hydravisor

MOST_GROWTH = 1.10
MOST_KILOBYTES = 2048
MOST_DESCRIPTORS = 8 + 16


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def turn(world, number):
    """What a person's hour consists of, once."""
    name = f"turn-{number}"
    world.ok("run", "--", "sh", "-c", "true")
    world.ok("run", "--name", name, "--", "sh", "-c", f"echo {number} > file; mkdir -p deep; echo {number} > deep/file")
    world.ok("diff", name)
    world.ok("apply", name)
    world.ok("undo", name)
    world.ok("rm", "--force", name)
    world.ok("create", "--name", name, "--", "sleep", "600")
    world.ok("start", name)
    world.ok("exec", name, "--", "/bin/true")
    world.ok("pause", name)
    world.ok("resume", name)
    world.ok("ls")
    world.ok("audit", "ls", "--sandbox", name)
    world.ok("stop", name)
    world.ok("rm", name)


def quarter(samples, which):
    size = max(1, len(samples) // 4)
    return statistics.median(samples[:size] if which == "first" else samples[-size:])


def main():
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 120
    rest = float(sys.argv[2]) if len(sys.argv) > 2 else 0
    world = hydravisor.World()
    memory, open_files, turns, began = [], [], 0, time.monotonic()
    try:
        world.ok("run", "--", "true")
        pid = world.daemon_pid()
        next_line = began
        while time.monotonic() - began < minutes * 60:
            turn(world, turns)
            turns += 1
            time.sleep(rest)
            if time.monotonic() < next_line:
                continue
            next_line += 60
            memory.append(resident(pid))
            open_files.append(descriptors(pid))
            print(f"{(time.monotonic() - began) / 60:6.1f} min  {turns:6} turns  {memory[-1]:7} kB  {open_files[-1]:3} descriptors", flush=True)
        world.ok("audit", "verify")
        same = world.daemon_pid() == pid
    finally:
        left = world.close()
    grown = quarter(memory, "last") - quarter(memory, "first")
    bad = [f"left behind: {line}" for line in left]
    if not same:
        bad.append("the daemon is another one")
    if grown > MOST_KILOBYTES and quarter(memory, "last") > MOST_GROWTH * quarter(memory, "first"):
        bad.append(f"memory grew by {grown:.0f} kB")
    if quarter(open_files, "last") - quarter(open_files, "first") > MOST_DESCRIPTORS:
        bad.append("descriptors grew")
    print(f"{(time.monotonic() - began) / 60:.1f} minutes, {turns} turns: memory {quarter(memory, 'first'):.0f} kB in the first quarter, "
          f"{quarter(memory, 'last'):.0f} kB in the last; descriptors {quarter(open_files, 'first'):.0f} and {quarter(open_files, 'last'):.0f}")
    print("\n".join(bad))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
