# as: root
# labels: vm slow
# timeout: 1800
"""The package on the machine that users have: Debian 12 with systemd, cgroups of version 2 alone, and the kernel of that release. All but
installing and removing is done by an ordinary user who has a manager of his own.
"""

import collections
import json
import os
import re
import unittest

import debian_package
import hydravisor
import virtual_machine

FORK = "my $n = 0; for (1 .. 40) { my $p = fork; if (!defined $p) { print qq(refused after $n); exit 7 } if (!$p) { sleep 20; exit } $n++ } " \
       "print qq(all $n); kill 'KILL', -1;"
EAT = "my $x = 'x' x (200 << 20); print length $x"
BURN = "my $t = time; 1 while (times)[0] < 1; print time - $t"
# What is left of Hydravisor's: processes, scopes, cgroups, mounts.
LEFT = """
    pgrep -a -u ada hydravisor || true
    systemctl --user list-units --all --no-legend 'hydravisor-*.scope'
    find /sys/fs/cgroup -name 'hydravisor-*.scope'
    grep hydravisor /proc/self/mounts || true
"""


class Debian(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        reason = virtual_machine.missing()
        if reason:
            hydravisor.skip_or_fail(reason)
        package = debian_package.build()
        cls.guest = cls.enterClassContext(virtual_machine.resume("bookworm"))
        cls.guest.send(package.deb)
        cls.before = cls.listing()
        cls.guest.ok("dpkg -i /root/*.deb")

    @classmethod
    def listing(cls):
        """Every file but what dpkg and the journal keep of themselves, and ada's own."""
        return cls.guest.ok("find / -xdev \\( -path /var/lib/dpkg -o -path /var/log -o -path /var/cache -o -path /home/ada -o -path /tmp \\) -prune -o"
                            " -print | LC_ALL=C sort").splitlines()

    def ada(self, script, **options):
        return self.guest.ok("mkdir -p ~/project; cd ~/project\n" + script, user="ada", **options)

    def ada_fails(self, script, status):
        result = self.guest.run("cd ~/project\n" + script, user="ada")
        self.assertEqual(result.returncode, status, result.stderr)
        return result.stdout.decode(), result.stderr.decode()

    def doctor(self, check):
        found, = [item for item in json.loads(self.ada("hydravisor doctor --json"))["checks"] if item["id"] == check]
        return found

    def nothing_is_left(self):
        self.ada("hydravisor ls | tail -n +2 | cut -d' ' -f1 | xargs -r -n1 hydravisor rm --force; hydravisor daemon stop")
        hydravisor.wait_for(lambda: not self.ada(LEFT).strip(), 30, "the end of everything")

    def tearDown(self):
        self.nothing_is_left()

    def test_first_job(self):
        """What the README shows: changes are held back, looked at, taken over, and the record is whole."""
        output = self.ada("""
            echo old >file
            hydravisor run --name first -- sh -c 'echo new >file; echo more >other; id -un' 2>&1
            cat file
            hydravisor diff first
            hydravisor apply first
            cat file other
            hydravisor audit verify
            hydravisor audit ls --sandbox first --kind exec
        """)
        for words in ("ada\n", "A other", "+new", "\nnew\nmore\n", "The record is whole", "sh -c"):
            self.assertIn(words, output)

    def test_doctor_says_what_this_kernel_and_systemd_give(self):
        checks = {item["id"]: item for item in json.loads(self.ada("hydravisor doctor --json"))["checks"]}
        self.assertEqual({name for name, check in checks.items() if check["status"] == "missing"}, set())
        self.assertEqual({name for name, check in checks.items() if check["status"] == "degraded"}, {"kernel", "landlock", "cgroup-io", "exit-codes"})
        for name in ("memory", "pids", "cpu", "freezer"):
            self.assertIn("systemd makes a scope for each sandbox in", checks[f"cgroup-{name}"]["detail"])
        self.ada("hydravisor create --name one --memory 64MiB -- true; hydravisor inspect one | grep 'cgroups through systemd: memory, pids'")

    def test_memory_and_processes_and_processors_are_limited_through_the_users_manager(self):
        _, error = self.ada_fails(f'hydravisor run --memory 64MiB -- perl -e "{EAT}"'.replace("$", "\\$"), 137)
        self.assertIn("it used more memory than its limit of 64 MiB", error)
        self.assertEqual(self.ada(f'hydravisor run --memory 500MiB -- perl -e "{EAT}"'.replace("$", "\\$")), str(200 << 20))
        output, error = self.ada_fails(f'hydravisor run --pids 20 -- perl -e "{FORK}"'.replace("$", "\\$"), 7)
        self.assertRegex(output, r"refused after 1\d")
        self.assertIn("at the limit of 20", error)
        # A second of a processor at a fifth of one takes five.
        self.assertGreaterEqual(int(self.ada(f'hydravisor run --cpus 0.2 -- perl -e "{BURN}"'.replace("$", "\\$"))), 4)

    def test_a_paused_sandbox_stands_still(self):
        output = self.ada("""
            hydravisor create --name still -- sh -c 'while :; do echo x; sleep 0.05; done' >/dev/null
            hydravisor start still >/dev/null
            hydravisor pause still >/dev/null
            hydravisor inspect still | grep state
            cat $(find /sys/fs/cgroup/user.slice -path '*.scope/s????????????????/cgroup.events') | grep frozen
            hydravisor resume still >/dev/null
            hydravisor inspect still | grep state
        """)
        self.assertEqual([" ".join(line.split()) for line in output.splitlines()], ["state: paused", "frozen 1", "state: running"])

    def test_reading_and_writing_is_limited_once_doctors_fix_is_done(self):
        write = "dd if=/dev/zero of=f bs=256k count=16 oflag=direct 2>&1"
        _, error = self.ada_fails("hydravisor run --io 1MiB -- true", 125)
        self.assertIn("systemd does not pass the controller io on", error)
        fix, _, then = self.doctor("cgroup-io")["fix"].partition("; then: ")
        self.assertTrue(fix.startswith("as root: "), fix)
        try:
            self.guest.ok(fix.removeprefix("as root: "))
            hydravisor.wait_for(lambda: self.guest.run("systemctl --user is-system-running --wait", user="ada").returncode == 0, 60, "ada's manager")
            self.ada(then)
            self.assertEqual(self.doctor("cgroup-io")["status"], "ok")
            limited = float(re.search(r"copied, ([0-9.]+) s", self.ada(f"hydravisor run --io 1MiB -- {write}"))[1])
            free = float(re.search(r"copied, ([0-9.]+) s", self.ada(f"hydravisor run -- {write}"))[1])
            self.assertGreater(limited, 3.3, "4 MiB at 1 MiB a second")
            self.assertLess(free, 3)
        finally:
            self.guest.ok("rm -r /etc/systemd/system/user@.service.d; systemctl daemon-reload; systemctl restart user@$(id -u ada)")

    def test_where_user_namespaces_are_switched_off_doctors_fix_helps(self):
        self.guest.ok("sysctl -qw kernel.unprivileged_userns_clone=0")
        try:
            report = json.loads(self.ada("hydravisor doctor --json || true"))
            self.assertFalse(report["usable"])
            check, = [item for item in report["checks"] if item["id"] == "user-namespaces"]
            self.assertEqual(check["status"], "missing")
            _, error = self.ada_fails("hydravisor run -- echo hello", 125)
            self.assertIn("namespace", error)
            self.guest.ok(check["fix"].removeprefix("as root: ").partition("; to keep it: ")[0])
            self.ada("hydravisor daemon stop")
            self.assertEqual(self.ada("hydravisor run -- echo hello"), "hello\n")
        finally:
            self.guest.ok("sysctl -qw kernel.unprivileged_userns_clone=1")

    def test_every_probe_is_held(self):
        output = self.ada("hydravisor create --name probed >/dev/null; hydravisor start probed >/dev/null; hydravisor probe probed --json || true")
        results = json.loads(output)
        self.assertGreater(len(results), 80)
        self.assertEqual([item for item in results if item["status"] == "got_through"], [])

    def test_reaches_what_was_allowed_and_nothing_else(self):
        """The packet rules of this kernel, for a user who may load no module."""
        talk = ("use IO::Socket::INET; for my $port (22, 23) { my $s = IO::Socket::INET->new(PeerAddr => qq(127.0.0.1:$port)); "
                "print $s ? scalar <$s> : qq(no $port\\n) } print gethostbyname('other.invalid') ? 'found' : 'unknown'")
        self.guest.send(self.text("talk.pl", talk), to="/home/ada/talk.pl")
        output = self.ada("cp ~/talk.pl . && hydravisor run --workspace ro --allow example.invalid --host-port 22 -- perl talk.pl; rm talk.pl")
        self.assertRegex(output, r"\ASSH-2.0-.*\r?\nno 23\nunknown\Z")

    def text(self, name, content):
        path = os.path.join(self.guest.work, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        return path

    def test_nothing_is_left_after_twenty_kills_of_daemon_and_supervisor(self):
        output = self.ada("""
            of() { hydravisor inspect "$1" --json | grep -o "\\"$2\\":[0-9]*" | cut -d: -f2; }
            hydravisor create --name lasting -- sleep 1000 >/dev/null
            hydravisor start lasting >/dev/null
            for i in $(seq 10); do
              hydravisor create --name "s$i" -- sleep 1000 >/dev/null
              hydravisor start "s$i" >/dev/null
              supervisor=$(of "s$i" supervisor_pid)
              kill -9 $(hydravisor daemon status --json | grep -o '"pid":[0-9]*' | cut -d: -f2)
              [ $((i % 2)) = 0 ] || kill -9 "$supervisor"
              hydravisor inspect "s$i" | grep state
              [ $((i % 2)) = 1 ] || kill -9 "$supervisor"
              hydravisor wait "s$i" >/dev/null 2>&1 || true
              hydravisor rm "s$i" >/dev/null
            done
            hydravisor exec lasting -- echo lasts
            [ $(systemctl --user list-units --all --no-legend 'hydravisor-*.scope' | wc -l) -le 2 ] && echo few
        """, timeout=300)
        self.assertEqual([" ".join(line.split()) for line in output.splitlines()], ["state: stopped (125)", "state: running"] * 5 + ["lasts", "few"])

    def test_a_sandbox_outlives_the_daemon_that_systemd_started_for_a_command(self):
        output = self.ada("""
            systemctl --user enable --now hydravisord.socket 2>/dev/null
            hydravisor create --name lasting -- sleep 1000 >/dev/null
            hydravisor start lasting >/dev/null
            systemctl --user is-active hydravisord.service
            systemctl --user show -p MainPID hydravisord.service | cut -d= -f2
            hydravisor daemon status --json | grep -o '"pid":[0-9]*' | cut -d: -f2
            systemctl --user stop hydravisord.service
            hydravisor exec lasting -- echo lasts
            hydravisor rm --force lasting >/dev/null
            systemctl --user disable --now hydravisord.socket 2>/dev/null
            systemctl --user stop hydravisord.service
        """)
        state, unit, asked, lasts = output.splitlines()
        self.assertEqual((state, unit, lasts), ("active", asked, "lasts"))

    def test_how_programs_ended_is_told_to_root_by_the_process_connector(self):
        """Before Linux 6.15 there is nothing else, and before 6.6 it serves root alone."""
        script = """
            hydravisor run --name ends --keep --workspace none -- sh -c '(exit 7); sh -c "exit 42"; sh -c "kill -9 \\$\\$"; for i in 1 2 3; do /bin/true; done' >/dev/null 2>&1
            hydravisor audit ls --sandbox ends --kind process --json
            hydravisor rm --force ends >/dev/null
        """
        told = [record["payload"] for record in json.loads(self.guest.ok("mkdir -p /tmp/r; cd /tmp/r\n" + script + "hydravisor daemon stop >/dev/null"))["items"]]
        ends = collections.Counter()
        for payload in told:
            self.assertNotIn("unknown", payload, told)
            ends[payload["status"]] += payload.get("count", 1)
        self.assertEqual(ends, {42: 1, 137: 1, 0: 4}, told)
        unfollowed = json.loads(self.ada(script))["items"]
        self.assertEqual([record["kind"] for record in unfollowed], ["process.unfollowed"])

    def test_root_has_scopes_of_the_systems_manager(self):
        output = self.guest.ok("""
            mkdir -p /tmp/r; cd /tmp/r
            hydravisor create --name roots --memory 64MiB -- sleep 1000 >/dev/null
            hydravisor start roots >/dev/null
            find /sys/fs/cgroup/system.slice -path '*.scope/s????????????????/memory.max' | xargs cat
            hydravisor rm --force roots >/dev/null
            hydravisor daemon stop >/dev/null
        """)
        self.assertEqual(output, f"{64 << 20}\n")
        hydravisor.wait_for(lambda: not self.guest.ok("find /sys/fs/cgroup -name 'hydravisor-*.scope'"), 10, "the end of root's scopes")

    def test_a_user_without_a_manager_is_told_that_limits_do_not_hold_and_how_they_would(self):
        bob = "cd /home/bob && setpriv --reuid bob --regid bob --init-groups env -i HOME=/home/bob PATH=$PATH hydravisor "
        self.guest.ok("useradd --create-home bob")
        try:
            output = self.guest.ok(f"{bob} run --name plain --keep --workspace none -- echo hello 2>/dev/null; {bob} inspect plain")
            self.assertTrue(output.startswith("hello\n"), output)
            self.assertIn("memory is not limited", output)
            result = self.guest.run(f"{bob} run --workspace none --memory 64MiB -- true")
            self.assertEqual(result.returncode, 125)
            self.assertIn(b"the memory limit cannot be enforced on this machine", result.stderr)
            checks = json.loads(self.guest.ok(f"{bob} doctor --json"))["checks"]
            fix, _, then = next(item["fix"] for item in checks if item["id"] == "cgroup-memory").partition("; then: hydravisor ")
            # What it installs is on this disk, and there is no network.
            self.guest.ok(fix.removeprefix("as root: "))
            hydravisor.wait_for(lambda: self.guest.run("test -S /run/user/$(id -u bob)/bus").returncode == 0, 60, "bob's manager")
            self.guest.ok(bob + then)
            self.guest.ok(f"{bob} run --workspace none --memory 64MiB -- true")
        finally:
            self.guest.ok(f"{bob} rm --force plain >/dev/null; {bob} daemon stop >/dev/null; loginctl disable-linger bob; loginctl terminate-user bob || true")
            self.guest.ok("systemctl stop user@$(id -u bob); userdel -r bob 2>/dev/null")

    def test_the_profile_for_ubuntu_stays_away_from_the_older_apparmor(self):
        self.assertEqual(self.guest.ok("aa-enabled; [ -e /etc/apparmor.d/hydravisor ] || echo none"), "Yes\nnone\n")

    def test_removed_it_leaves_nothing_of_its_own(self):
        self.nothing_is_left()
        self.guest.ok("dpkg -P hydravisor 2>&1")
        try:
            self.assertEqual([path for path in self.listing() if path not in self.before and "hydravisor" in path], [])
            self.assertEqual(self.guest.ok("systemctl list-unit-files --no-legend 'hydravisor*' || true; systemctl --failed --no-legend"), "")
        finally:
            self.guest.ok("dpkg -i /root/*.deb")


if __name__ == "__main__":
    unittest.main(verbosity=2)
