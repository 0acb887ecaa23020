# as: root
# labels: functional slow
"""A disk that fills up and empties at random under a crowd of creates, runs, applies and removals.

No event that anybody was told of is missing afterwards, what was acknowledged has happened, nothing is left behind, the ledger
verifies, and the daemon answers again as soon as there is room. HYDRAVISOR_SECONDS makes it longer than a minute.
"""

import collections
import contextlib
import json
import os
import random
import subprocess
import threading
import time

import hydravisor
from small_disk import SmallDisk

SECONDS = float(os.environ.get("HYDRAVISOR_SECONDS", "60"))
CROWD = 4


class Filler:
    """Takes what room there is, or part of it, and gives it back, at moments that nobody can foresee."""

    def __init__(self, path, chance):
        self.path = os.path.join(path, "filler")
        self.chance = chance
        self.times_full = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._work)
        self.thread.start()

    def _work(self):
        while not self.over.is_set():
            room = os.statvfs(os.path.dirname(self.path))
            room = room.f_bavail * room.f_frsize
            leave = self.chance.choice([0, 0, 0, 4096, 65536, 1 << 20])
            self.times_full += leave == 0
            with contextlib.suppress(OSError), open(self.path, "ab", buffering=0) as file:
                written = 0
                while written < room - leave:
                    written += file.write(b"x" * min(1 << 20, room - leave - written))
            self.over.wait(self.chance.uniform(0.05, 1.5))
            with contextlib.suppress(OSError):
                os.unlink(self.path)
            self.over.wait(self.chance.uniform(0.05, 1.5))

    def close(self):
        self.over.set()
        self.thread.join()


class Crowd(hydravisor.TestCase):
    def setUp(self):
        self.disk = SmallDisk("64m")
        self.addCleanup(self.disk.close)
        self.parent = self.disk.path
        super().setUp()
        self.chance = random.Random(os.environ.get("HYDRAVISOR_SEED") or time.time())
        self.lock = threading.Lock()
        self.promised = []  # (kind, name): the ledger has to have it
        self.told = {}  # index: kind, as followers were told
        self.counts = collections.Counter()

    def promise(self, *events):
        with self.lock:
            self.promised.extend(events)

    def command(self, *words, **options):
        """True when it was done. What is refused says why."""
        result = self.world.cli(*words, timeout=120, **options)
        with self.lock:
            self.counts[words[0], "done" if result.returncode == 0 else "refused"] += 1
        if result.returncode == 0:
            return True
        self.assertGreater(len(result.stderr), 10, f"{words} was refused without a word")
        self.assertNotIn(b"internal", result.stderr)
        return False

    def one(self, number, turn, chance):
        name = f"c{number}-{turn}"
        what = chance.choice(["run", "create", "apply"])
        if what == "run":
            if self.command("run", "--name", name, "--workspace", "none", "--", "sh", "-c", "/bin/true; /bin/echo done"):
                self.promise(("sandbox.starting", name), ("sandbox.stopped", name))
        elif what == "create":
            if self.command("create", "--name", name, "--workspace", "none", "--", "sleep", "600"):
                self.promise(("sandbox.created", name))
                if self.command("start", name):
                    self.promise(("sandbox.starting", name))
                    self.command("exec", name, "--", "/bin/true")
                if self.command("rm", "--force", name):
                    self.promise(("sandbox.removed", name))
        else:
            project = self.world.directory(f"projects/{number}")
            if self.command("run", "--name", name, "--", "sh", "-c", f"echo {name} > {name}", cwd=project):
                self.promise(("sandbox.starting", name))
                if self.command("apply", name):
                    self.promise(("workspace.applying", name))
                    with open(os.path.join(project, name), encoding="utf-8") as file:
                        self.assertEqual(file.read(), name + "\n", "an apply that was acknowledged")
            self.world.cli("rm", "--force", name)

    def work(self, number, until, failures):
        chance = random.Random(self.chance.random())
        turn = 0
        try:
            while time.monotonic() < until:
                turn += 1
                self.one(number, turn, chance)
        except Exception as error:  # pylint: disable=broad-except
            failures.append(error)

    def follow(self, over):
        """A client that is told every event as it happens, and begins anew when it is cut off."""
        while not over.is_set():
            process = self.world.start_cli("audit", "tail", "--json", stderr=subprocess.DEVNULL)
            stop = threading.Thread(target=lambda one=process: (over.wait(), one.terminate()))
            stop.start()
            for line in process.stdout:
                with contextlib.suppress(ValueError, KeyError):
                    event = json.loads(line)
                    self.told[event["index"]] = event["kind"]
            process.wait()
            process.stdout.close()
            process.stdin.close()
            if not over.is_set():
                time.sleep(0.2)

    def ledger(self):
        return {event["index"]: event for event in self.world.json("audit", "ls")["items"]}

    def test_loses_nothing_that_anybody_was_told(self):
        self.assertEqual(self.run_in_sandbox("true").returncode, 0)
        over, failures = threading.Event(), []
        follower = threading.Thread(target=self.follow, args=(over,))
        follower.start()
        filler = Filler(self.disk.path, random.Random(self.chance.random()))
        until = time.monotonic() + SECONDS
        crowd = [threading.Thread(target=self.work, args=(number, until, failures)) for number in range(CROWD)]
        try:
            for one in crowd:
                one.start()
            for one in crowd:
                one.join()
        finally:
            filler.close()
            # There is room: it answers at once, and the rest of what was asked for is carried out.
            answered = self.world.cli("ls")
            over.set()
            follower.join()
        self.assertEqual(failures, [])
        self.assertEqual(answered.returncode, 0, answered.stderr)
        for name in [item["name"] for item in self.world.json("ls")["items"]]:
            self.world.cli("rm", "--force", name, timeout=120)
        hydravisor.wait_for(lambda: self.world.json("ls")["items"] == [] and self.world.sandboxes() == [], 60, "the removal of every sandbox")
        self.assertEqual(self.run_in_sandbox("echo", "works").stdout, b"works\n")
        self.world.ok("audit", "verify")
        events = self.ledger()
        names = {event["sandbox"]: event["payload"]["name"] for event in events.values() if event["payload"].get("name")}
        recorded = collections.Counter((event["kind"], names.get(event["sandbox"])) for event in events.values())
        missing = [promise for promise in self.promised if not recorded[promise]]
        self.assertEqual(missing, [], "acknowledged, and not in the ledger")
        changed = {index: kind for index, kind in self.told.items() if events.get(index, {}).get("kind") != kind}
        self.assertEqual(changed, {}, "told, and not in the ledger")
        print(f"{SECONDS:.0f} s: full {filler.times_full} times; " +
              ", ".join(f"{words[0]} {words[1]} {count}" for words, count in sorted(self.counts.items())) +
              f"; {len(self.promised)} promises and {len(self.told)} told events kept, {len(events)} recorded, "
              f"{sum(event['kind'] == 'sandbox.frozen' for event in events.values())} times frozen")
        self.assertGreater(filler.times_full, 0)
        self.assertGreater(sum(count for words, count in self.counts.items() if words[1] == "refused"), 0, "the disk was never full")
        self.assertGreater(len(self.promised), 10)
        self.assertGreater(len(self.told), 10)


if __name__ == "__main__":
    hydravisor.main()
