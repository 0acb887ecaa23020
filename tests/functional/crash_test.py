# as: user root
# labels: functional
# timeout: 600
"""kill -9 of every process of Hydravisor, exactly between an intent and its effect. `bench/crash_cycles.py` does the same a thousand
times; here it is a few steps of each kind of work, the same ones in every run."""

import collections
import time

import crash_boundaries
import crash_cycles
import crash_scenarios
import hydravisor

STEPS_OF_EACH = 3
SECONDS = 30  # for all of it; beyond that one step of each kind, and the rest is left to the long run


class Crash(hydravisor.TestCase):
    def setUp(self):
        # Each scenario has an installation of its own.
        pass

    def test_leaves_everything_before_or_after_and_nothing_behind(self):
        hits, deadline = collections.Counter(), time.monotonic() + SECONDS
        with hydravisor.loopback_server() as (port, _):
            for kind in crash_scenarios.SCENARIOS:
                with self.subTest(scenario=kind.name):
                    self.kill_in(kind, port, hits, deadline)
        print(crash_boundaries.table(hits))
        # However slow the machine is: some were hit in each kind of work.
        self.assertGreaterEqual(sum(hits.values()), len(crash_scenarios.SCENARIOS))

    def kill_in(self, kind, port, hits, deadline):
        steps, world = [], None
        try:
            for number in range(STEPS_OF_EACH + 1):
                if number > 1 and time.monotonic() > deadline:
                    break
                if world is None or kind.fresh:
                    world = self.renew(world, port, kind)
                if number == 0:
                    steps = crash_cycles.chosen(crash_cycles.record(kind(world)), STEPS_OF_EACH, rare_first=False)
                elif crash_cycles.cycle(kind(world), steps[number - 1]):
                    hits[crash_boundaries.name_of(steps[number - 1])] += 1
        finally:
            self.assertEqual(world.close(), [], "left behind")

    def renew(self, world, port, kind):
        if world is not None:
            self.assertEqual(world.close(), [], "left behind")
        world = hydravisor.World()
        world.port = port
        if not kind.fresh:
            crash_cycles.warm_up(world)
        return world


if __name__ == "__main__":
    hydravisor.main()
