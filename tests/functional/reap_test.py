# as: user root
"""`doctor --reap`: what killed processes left behind is named, then taken away; what lives, and what is others', stays."""

import glob
import os
import signal
import socket

import hydravisor

STRANGER = "s0123456789abcdef"


class Reap(hydravisor.TestCase):
    def state(self, *names):
        return os.path.join(self.world.state, "hydravisor", *names)

    def check(self):
        return next(check for check in self.world.json("doctor")["checks"] if check["id"] == "leftovers")

    def reap(self):
        return {item["path"]: item for item in self.world.json("doctor", "--reap")["items"]}

    def begin(self):
        self.world.ok("create", "--name", "alive", "--", "sleep", "600")
        self.world.ok("start", "alive")
        return self.world.json("inspect", "alive")

    def cgroups_of(self, name):
        return [path for path in glob.glob("/sys/fs/cgroup/*/*/" + name) + glob.glob("/sys/fs/cgroup/*/" + name) if os.path.isdir(path)]

    def test_a_sound_installation_has_nothing(self):
        self.begin()
        self.assertEqual((self.check()["status"], self.reap()), ("ok", {}))
        self.assertEqual(self.world.ok("doctor", "--reap"), "nothing was left behind\n")

    def test_names_a_stale_socket_and_takes_it_away(self):
        alive = self.begin()
        self.world.ok("create", "--name", "dead", "--", "sleep", "600")
        dead = self.world.json("inspect", "dead")["id"]
        path = self.state("sandboxes", dead, "control.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as bound:
            bound.bind(path)
        with open(self.state("sandboxes", dead, "lock"), "wb"):
            pass
        check = self.check()
        self.assertEqual((check["status"], check["fix"]), ("degraded", "hydravisor doctor --reap"))
        self.assertIn(path, check["detail"])
        self.assertTrue(os.path.exists(path), "without the flag it is only named")
        self.assertEqual(self.world.ok("doctor", "--reap"), f"took away socket {path} (its supervisor was killed)\n")
        self.assertFalse(os.path.exists(path))
        self.assertEqual(self.check()["status"], "ok")
        self.assertTrue(os.path.exists(self.state("sandboxes", alive["id"], "control.sock")), "that of a living sandbox stays")
        self.assertEqual(self.world.ok("exec", "alive", "--", "echo", "here"), "here\n")
        kinds = [event["kind"] for event in self.world.json("audit", "ls", "--kind", "daemon")["items"]]
        self.assertEqual(kinds[-2:], ["daemon.reaping", "daemon.reaped"])

    def test_a_new_daemon_takes_away_what_the_last_one_had_begun(self):
        self.begin()
        os.kill(self.world.daemon_pid(), signal.SIGKILL)
        begun = [self.state("sandboxes", STRANGER), self.state("homes", ".shell-00aa.11bb"), self.state("cache", "etc-00aa.11bb")]
        for path in begun:
            os.makedirs(path)
        temporary = self.state("ledger", "checkpoint.tmp-17")
        with open(temporary, "wb"):
            pass
        self.world.ok("ls")
        hydravisor.wait_for(lambda: not any(map(os.path.exists, [*begun, temporary])), 20, "the removal of what was begun")
        self.assertEqual(self.world.ok("exec", "alive", "--", "echo", "here"), "here\n")

    def test_takes_away_the_cgroups_of_a_sandbox_that_has_stopped(self):
        alive = self.begin()
        groups = self.cgroups_of(alive["id"])
        if not groups:
            hydravisor.skip_or_fail("there are no cgroups here")
        self.world.ok("create", "--name", "dead", "--", "true")
        dead = self.world.json("inspect", "dead")["id"]
        # Where the living one's are, and one of nobody that is too young to be a leftover.
        left = [os.path.join(os.path.dirname(group), dead) for group in groups]
        young = os.path.join(os.path.dirname(groups[0]), STRANGER)
        for group in [*left, young]:
            os.mkdir(group)
        self.addCleanup(lambda: os.path.isdir(young) and os.rmdir(young))
        reaped = self.reap()
        self.assertEqual(sorted(reaped), sorted(left))
        self.assertEqual({(item["kind"], item["problem"]) for item in reaped.values()}, {("cgroup", "")})
        self.assertEqual([group for group in left if os.path.exists(group)], [])
        self.assertEqual(self.cgroups_of(alive["id"]), groups)
        self.assertTrue(os.path.isdir(young))
        self.assertEqual(self.world.ok("exec", "alive", "--", "echo", "here"), "here\n")


if __name__ == "__main__":
    hydravisor.main()
