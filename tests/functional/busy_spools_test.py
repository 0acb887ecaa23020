# as: user root
# timeout: 200
"""Sandboxes whose records come all the time are read by the daemon's own clock, and announced again when they have become quiet: nothing
is missing, twice, or late, whoever ends in between."""

import json
import os
import signal

import hydravisor

# Bursts of programs, each burst begun by a file that appears, and behind it silence: no job ends, nobody asks.
BURSTS = """
for burst in 1 2 3; do
  while [ ! -e go-$burst ]; do sleep 0.05; done
  for i in $(seq 200); do /bin/true; done
  sleep 1
  /bin/echo last-$burst > /dev/null
done
sleep 600
"""


class BusySpools(hydravisor.TestCase):
    def begin(self, *names):
        for name in names:
            os.makedirs(os.path.join(self.world.project, name), exist_ok=True)
            self.world.ok("create", "--name", name, "--workspace", "live", "--", "sh", "-c", f"cd {name}; {BURSTS}")
            self.world.ok("start", name)

    def burst(self, number, *names):
        for name in names:
            self.world.write(os.path.join(name, f"go-{number}"), "")

    def programs(self, name):
        """The arguments of what it asked to run, and the numbers of its records in its spool, as the ledger has them."""
        events = [json.loads(line) for line in self.world.ok("audit", "export", "--format", "jsonl", "--sandbox", name).splitlines()]
        own = [event for event in events if event.get("origin") and not event["origin"]["spool"].endswith("/files")]
        return ([event["payload"]["arguments"] for event in own if event["kind"] == "exec.started"], [event["origin"]["sequence"] for event in own])

    def wait_for_last(self, number, *names):
        for name in names:
            hydravisor.wait_for(lambda name=name: ["/bin/echo", f"last-{number}"] in self.programs(name)[0], 20, f"the last program of '{name}'")

    def assert_all(self, count, *names):
        for name in names:
            programs, numbers = self.programs(name)
            self.assertEqual(programs.count(["/bin/true"]), count, name)
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)), name)

    def test_several_at_once_are_recorded_whole_and_the_one_after_the_silence_too(self):
        names = ("one", "two", "three")
        self.begin(*names)
        for number in (1, 2):
            self.burst(number, *names)
            self.wait_for_last(number, *names)
            self.assert_all(200 * number, *names)

    def test_a_daemon_that_is_killed_meanwhile_is_followed_by_one_that_has_it_all(self):
        names = ("one", "two")
        self.begin(*names)
        self.burst(1, *names)
        hydravisor.wait_for(lambda: len(self.programs("one")[0]) > 60, 20, "a part of the burst")
        os.kill(self.world.daemon_pid(), signal.SIGKILL)
        self.wait_for_last(1, *names)
        self.assert_all(200, *names)
        # The next one is told of what comes, too.
        self.burst(2, *names)
        self.wait_for_last(2, *names)
        self.assert_all(400, *names)


if __name__ == "__main__":
    hydravisor.main()
