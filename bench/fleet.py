#!/usr/bin/python3
"""Many sandboxes at once: what one costs in memory (PSS of all its processes) and how long `ls` takes.

usage: bench/fleet.py [sandboxes]
"""

import os
import re
import statistics
import sys

import lib
import hydravisor


def pss(pid):
    """Kilobytes of one process, shared pages divided among those who share them."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return int(re.search(r"^Pss:\s+(\d+)", file.read(), re.MULTILINE)[1])


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def tree(pid):
    return [pid] + [below for child in children(pid) for below in tree(child)]


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    world = hydravisor.World()
    try:
        for i in range(count):
            world.ok("create", "--name", f"fleet-{i}", "--workspace", "none", "--", "sleep", "100000")
            world.ok("start", f"fleet-{i}")
        sizes, agents = [], []
        for item in world.json("ls")["items"]:
            info = world.json("inspect", item["name"])
            processes = tree(info["supervisor_pid"])
            agent = [pid for pid in processes if os.readlink(f"/proc/{pid}/exe").endswith(("/sleep", "/coreutils"))]
            sizes.append(sum(pss(pid) for pid in processes if pid not in agent) / 1024)
            agents.append(sum(pss(pid) for pid in agent) / 1024)
        print(f"\n{count} sandboxes alive, PSS of one: median {statistics.median(sizes):.2f} MB, largest {max(sizes):.2f} MB "
              f"(the command inside: {statistics.median(agents):.2f} MB more); the daemon {pss(world.daemon_pid()) / 1024:.1f} MB")
        lib.compare(f"with {count} sandboxes", [lib.Candidate("hydravisor ls", [hydravisor.CLI, "ls"], world.env)], 50)
    finally:
        for line in world.close():
            print(f"left behind: {line}", file=sys.stderr)


if __name__ == "__main__":
    main()
