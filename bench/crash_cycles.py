#!/usr/bin/python3
"""Kills Hydravisor's processes before the steps of their work, one after another: 1,000 times unless told otherwise.

usage: bench/crash_cycles.py [cycles] [scenario]      on the programs of HYDRAVISOR_BUILD_DIR; bench/rootless runs it as an ordinary user

Prints each cycle that did not end as promised, and the table of boundaries with the times that each was hit. Exits with 1 when there
was a fault.
"""

import collections
import itertools
import sys
import time

import lib  # noqa: F401  finds the tests' library
import crash_boundaries
import hydravisor
import crash_cycles
import crash_scenarios

WORLD_LASTS = 25  # cycles: a ledger that grows for ever would slow down the next


class Worlds:
    """An installation for each scenario, made anew after some cycles or a fault."""

    def __init__(self, port):
        self.port, self.world, self.used = port, None, 0

    def scenario(self, kind):
        if kind.fresh or self.used >= WORLD_LASTS:
            self.close()
        if self.world is None:
            self.world, self.used = hydravisor.World(), 0
            self.world.port = self.port
            if not kind.fresh:
                crash_cycles.warm_up(self.world)
        self.used += 1
        made = kind(self.world)
        if kind.fresh:
            self.used = WORLD_LASTS
        return made

    def close(self):
        if self.world is not None:
            for line in self.world.close():
                print(f"left behind: {line}")
            self.world = None


def main():
    cycles = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    kinds = [kind for kind in crash_scenarios.SCENARIOS if len(sys.argv) < 3 or kind.name == sys.argv[2]]
    hits, faults, reached, done, began = collections.Counter(), 0, 0, 0, time.monotonic()
    with hydravisor.loopback_server() as (port, _):
        worlds = Worlds(port)
        steps = {}
        for kind in kinds:
            steps[kind] = crash_cycles.chosen(crash_cycles.record(worlds.scenario(kind)), max(1, -(-cycles // len(kinds))))
            print(f"{kind.name}: {len(steps[kind])} cycles", flush=True)
        # One scenario after another, so that an installation is used again.
        order = list(itertools.chain.from_iterable([(kind, step) for step in steps[kind]] for kind in kinds))
        for kind, step in order:
            try:
                hit = crash_cycles.cycle(worlds.scenario(kind), step)
            except Exception as fault:  # pylint: disable=broad-except
                faults += 1
                print(f"FAULT {type(fault).__name__}: {fault}", flush=True)
                worlds.close()
                hit = True
            done += 1
            reached += hit
            if hit:
                hits[crash_boundaries.name_of(step)] += 1
        worlds.close()
    print(crash_boundaries.table(hits))
    print(f"{done} cycles, {reached} in which the step was reached, {faults} faults, {time.monotonic() - began:.0f} s")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
