# labels: security
# as: user root
# timeout: 300
"""What an agent uses up is its own: the host's user, the daemon and other sandboxes go on. Limits are in functional/limits_test.py, floods of
the network in gateway_attack_test.py, floods of refused calls in probe_test.py."""

import ctypes
import os

import hydravisor

LIBC = ctypes.CDLL(None, use_errno=True)

WATCHES = """
import ctypes, sys
libc = ctypes.CDLL(None)
held = 0
while libc.inotify_init1(0) >= 0: held += 1
print(held, flush=True)
sys.stdin.read()
"""

FORKS = "$SIG{CHLD} = 'IGNORE'; while (1) { fork; fork; select undef, undef, undef, 0.001 }"


def most_watchers():
    with open("/proc/sys/fs/inotify/max_user_instances", encoding="ascii") as file:
        return int(file.read())


class Exhaustion(hydravisor.TestCase):
    def assert_others_go_on(self):
        self.assert_output(self.run_in_sandbox("echo", "on"), "on\n")
        self.assertGreater(self.world.json("daemon", "status")["pid"], 0)
        self.world.ok("audit", "ls", "--limit", "1")

    def test_of_inotify_leaves_half_to_the_hosts_user(self):
        with self.world.start_cli("run", "--", "/usr/bin/python3", "-c", WATCHES) as process:
            held = int(process.stdout.readline())
            # Without a limit of its own it would have had them all, and this one would be refused.
            own = LIBC.inotify_init1(os.O_CLOEXEC)
            error = os.strerror(ctypes.get_errno())
            process.communicate(timeout=60)
        self.assertGreaterEqual(own, 0, error)
        os.close(own)
        self.assertGreater(held, 0)
        self.assertLessEqual(held, most_watchers() // 2)

    def test_of_processes_by_a_fork_bomb_stays_inside(self):
        self.world.ok("run", "--detach", "--name", "bomb", "--pids", "64", "--accept-unenforced", "--", "perl", "-e", FORKS)
        if not self.world.json("inspect", "bomb")["limits"]["enforced"]["pids"]:
            hydravisor.skip_or_fail("this machine gives the user no cgroup for processes")
        hydravisor.wait_for(lambda: self.world.json("stats", "bomb")["items"][0].get("processes", 0) >= 60, 30, "a full sandbox")
        self.assert_others_go_on()
        self.world.ok("rm", "--force", "bomb")

    def test_of_a_reader_that_does_not_read_stops_the_writer_only(self):
        with self.world.start_cli("run", "--name", "flood", "--", "sh", "-c", "yes | head -c 2000000000") as process:
            hydravisor.wait_for(lambda: any(item["name"] == "flood" for item in self.world.json("ls")["items"]), what="the flood")
            self.assert_others_go_on()
            (sandbox,) = [item["id"] for item in self.world.json("ls")["items"] if item["name"] == "flood"]
            kept = os.stat(os.path.join(self.world.state, "hydravisor", "sandboxes", sandbox, "log")).st_size
            self.assertLess(kept, 64 << 20)
            self.world.ok("stop", "--grace", "1s", "flood")
            process.stdout.close()
            process.wait(60)

    def test_of_the_ledger_by_commands_without_end_leaves_it_readable(self):
        self.world.ok("run", "--detach", "--name", "busy", "--", "sh", "-c", "while :; do /bin/true; done")
        hydravisor.wait_for(lambda: len(self.world.json("audit", "ls", "--kind", "exec", "--limit", "200")["items"]) >= 50, 60, "events")
        self.assert_others_go_on()
        self.world.ok("rm", "--force", "busy")
        self.world.ok("audit", "verify")


if __name__ == "__main__":
    hydravisor.main()
