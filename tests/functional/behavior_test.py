"""Rules of behavior: what is recorded of a run makes them fire, and what they do then is done."""

import json
import os

import hydravisor


class BehaviorCase(hydravisor.TestCase):
    def policy(self, name, text):
        path = os.path.join(self.world.directory("config/hydravisor/policies"), name + ".toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write('version = 1\nextends = ["restricted"]\n' + text)

    def events(self, kind, sandbox=None):
        return self.world.json("audit", "ls", "--kind", kind, *(["--sandbox", sandbox] if sandbox else []))["items"]

    def payloads(self, kind, sandbox=None):
        return [event["payload"] for event in self.events(kind, sandbox)]

    def start(self, name, policy, script, *options):
        self.world.ok("create", "--name", name, "--policy", policy, *options, "--", "sh", "-c", script)
        self.world.ok("start", name)

    def state(self, name):
        return self.world.json("inspect", name)["state"]

    def rule(self, name, more, kind="exec.started"):
        return f'[[behavior.rules]]\nname = "{name}"\nwhen = {{kind = "{kind}"}}\nmore_than = 20\nin = "30s"\n{more}\n'


STORM = "i=0; while [ $i -lt 60 ]; do /bin/true $i; i=$((i+1)); done; "


class Responses(BehaviorCase):
    def test_a_storm_of_programs_is_frozen_and_resume_lets_it_go_on(self):
        self.policy("storm", self.rule("storm", 'response = "freeze"'))
        self.start("one", "storm", STORM + "touch done; sleep 60")
        hydravisor.wait_for(lambda: self.state("one") == "paused", what="the freeze")
        fired = self.events("behavior.fired", "one")
        self.assertEqual(len(fired), 1)
        payload = fired[0]["payload"]
        self.assertEqual((payload["rule"], payload["response"], payload["dry_run"], payload["number"]), ("storm", "freeze", False, 1))
        self.assertTrue(payload["origin"].endswith("storm.toml:3"), payload["origin"])
        self.assertGreater(payload["amount"], 20)
        # What caused it is named, and lies before it.
        causes = {event["index"]: event["kind"] for event in self.events("exec.started", "one")}
        self.assertTrue(payload["records"])
        for index in payload["records"]:
            self.assertIn(causes.get(index), ("exec.started",))
            self.assertLess(index, fired[0]["index"])
        self.world.ok("resume", "one")
        hydravisor.wait_for(lambda: self.world.cli("exec", "one", "--", "test", "-e", "done").returncode == 0, what="its going on")
        self.world.ok("rm", "--force", "one")

    def test_below_the_rate_nothing_happens(self):
        self.policy("storm", self.rule("storm", 'response = "kill"'))
        result = self.run_in_sandbox("sh", "-c", "/bin/true; /bin/true; exit 3", options=["--policy", "storm"])
        self.assertEqual(result.returncode, 3, result)
        self.assertEqual(self.payloads("behavior.fired"), [])

    def test_a_rule_that_kills_ends_the_run_and_says_so(self):
        self.policy("storm", self.rule("storm", 'response = "kill"'))
        result = self.run_in_sandbox("sh", "-c", STORM + "sleep 60", options=["--policy", "storm", "--name", "two", "--keep"])
        self.assertEqual(result.returncode, 137, result)
        self.assertIn(b"storm", result.stderr)
        outcome = self.world.json("inspect", "two")["outcome"]
        self.assertEqual(outcome["kind"], "killed_by_policy", outcome)
        self.assertIn("storm.toml:3", outcome["detail"])
        stopped = self.events("sandbox.stopped", "two")
        self.assertEqual((stopped[0]["payload"]["outcome"], stopped[0]["risk"]), ("killed_by_policy", "high"))

    def test_a_dry_run_records_and_does_nothing(self):
        self.policy("storm", self.rule("storm", 'response = "kill"\ndry_run = true'))
        result = self.run_in_sandbox("sh", "-c", STORM + "exit 4", options=["--policy", "storm"])
        self.assertEqual(result.returncode, 4, result)
        fired = self.payloads("behavior.fired")
        self.assertEqual([(each["response"], each["dry_run"]) for each in fired], [("kill", True)])

    def test_the_cool_down_holds_back_and_escalation_climbs(self):
        self.policy("storm", self.rule("storm", 'response = ["alert", "freeze"]\ncool_down = "3s"'))
        self.start("three", "storm", STORM + STORM + "touch first; sleep 4; " + STORM + "sleep 60")
        hydravisor.wait_for(lambda: self.state("three") == "paused", 30, "the second response")
        fired = self.payloads("behavior.fired", "three")
        self.assertEqual([(each["response"], each["number"]) for each in fired], [("alert", 1), ("freeze", 2)])
        self.assertGreater(fired[1]["held_back"], 0, "the rest of the first storm")
        self.world.ok("rm", "--force", "three")

    def test_a_sequence_takes_the_network_away(self):
        port, _ = self.enterContext(hydravisor.loopback_server())
        self.policy("steps", """[[behavior.rules]]
name = "fetch-after-sleep"
sequence = [{kind = "exec.observed", program = "sleep"}, {kind = "host_port.connected"}]
in = "1m"
response = "isolate"
""")
        fetch = f"python3 -c \"import socket; s = socket.create_connection(('127.0.0.1', {port}), 5); s.sendall(b'x'); print(s.recv(9))\""
        self.start("four", "steps", f"{fetch} && touch before; sleep 1; {fetch}; touch between; sleep 60", "--host-port", str(port))
        hydravisor.wait_for(lambda: self.payloads("behavior.fired", "four"), what="the sequence")
        hydravisor.wait_for(lambda: self.payloads("network.changed", "four"), what="the isolation")
        self.assertEqual(self.payloads("network.changed", "four")[0]["isolated_by"], "fetch-after-sleep")
        # The control: before it, the same got through.
        self.assertEqual(self.world.cli("exec", "four", "--", "test", "-e", "before").returncode, 0)
        hydravisor.wait_for(lambda: self.world.cli("exec", "four", "--", "sh", "-c", fetch).returncode != 0, what="the end of its network")
        self.assert_refused(self.world.cli("net", "four", "--allow", "example.org"), "isolated by the rule of behavior 'fetch-after-sleep'")
        self.world.ok("rm", "--force", "four")

    def start_unseen(self, name, second, before="true", after="true", *options):
        """A storm while no daemon runs: the next one reads all of it, and both rules fire one right after the other."""
        self.policy("both", self.rule("first", 'response = "freeze"') + self.rule("second", second).replace("more_than = 20", "more_than = 25"))
        self.start(name, "both", f"{before}; touch ready; while [ ! -e go ]; do read -t 0.1 x; done; {STORM} touch storm; {after}; sleep 60",
                   "--workspace", "live", *options)
        here = lambda file: os.path.exists(os.path.join(self.world.project, file))
        hydravisor.wait_for(lambda: here("ready"), what="its beginning")
        self.assertEqual((self.state(name), self.payloads("behavior.fired", name)), ("running", []))
        self.world.stop_daemon()
        self.world.write("go", "")
        hydravisor.wait_for(lambda: here("storm"), what="the storm")
        hydravisor.wait_for(lambda: len(self.payloads("behavior.fired", name)) == 2, what="both rules")

    def test_what_a_rule_has_frozen_another_kills(self):
        self.start_unseen("eight", 'response = "kill"')
        hydravisor.wait_for(lambda: self.state("eight") == "stopped", what="the end")
        outcome = self.world.json("inspect", "eight")["outcome"]
        self.assertEqual((outcome["kind"], outcome["code"]), ("killed_by_policy", 9), outcome)
        self.assertEqual({each["response"] for each in self.payloads("behavior.fired", "eight")}, {"freeze", "kill"})
        self.assertEqual(self.payloads("behavior.failed", "eight"), [])
        # It was frozen when it died.
        indexes = {kind: [event["index"] for event in self.events(kind, "eight")] for kind in ("sandbox.paused", "sandbox.stopping", "sandbox.stopped", "sandbox.resumed")}
        self.assertEqual({kind: len(found) for kind, found in indexes.items()}, {"sandbox.paused": 1, "sandbox.stopping": 1, "sandbox.stopped": 1, "sandbox.resumed": 0})
        self.assertLess(indexes["sandbox.paused"], indexes["sandbox.stopping"])
        self.world.ok("rm", "--force", "eight")

    def test_what_a_rule_has_frozen_another_isolates(self):
        port, received = self.enterContext(hydravisor.loopback_server())
        fetch = f"python3 -c \"import socket; s = socket.create_connection(('127.0.0.1', {port}), 5); s.sendall(b'x'); print(s.recv(9))\""
        # The control: what it does before and after is the same, and the first gets through.
        self.start_unseen("nine", 'response = "isolate"', fetch, f"while [ ! -e thawed ]; do read -t 0.1 x; done; {fetch}; touch done", "--host-port", str(port))
        hydravisor.wait_for(lambda: self.payloads("network.changed", "nine"), what="the isolation")
        self.assertEqual(self.state("nine"), "paused")
        self.assertEqual(received, [b"x"])
        self.world.write("thawed", "")
        self.world.ok("resume", "nine")
        hydravisor.wait_for(lambda: os.path.exists(os.path.join(self.world.project, "done")), what="its going on")
        self.assertNotEqual(self.world.cli("exec", "nine", "--", "sh", "-c", fetch).returncode, 0)
        self.assertEqual(received, [b"x"], "nothing came after the isolation")
        self.assertEqual(self.payloads("behavior.failed", "nine"), [])
        self.world.ok("rm", "--force", "nine")

    def test_processors_become_scarce_and_come_back(self):
        self.policy("slow", self.rule("slow", 'response = "throttle-cpu"\ncpus = 0.05\ncool_down = "2s"'))
        made = self.world.cli("create", "--name", "five", "--policy", "slow", "--", "sh", "-c", STORM + "sleep 60")
        if made.returncode != 0 and b"throttle-cpu needs a cgroup" in made.stderr:
            hydravisor.skip_or_fail("no cgroup for processors can be used")
        self.assertEqual(made.returncode, 0, made)
        self.world.ok("start", "five")
        hydravisor.wait_for(lambda: self.payloads("behavior.fired", "five"), what="the firing")
        hydravisor.wait_for(lambda: self.payloads("behavior.lifted", "five"), what="the end of it")
        self.assertEqual(self.payloads("behavior.failed", "five"), [])
        self.world.ok("rm", "--force", "five")

    def test_the_network_becomes_slow_and_fast_again(self):
        much = 1 << 20
        port, _ = self.enterContext(hydravisor.loopback_server(b"x" * much))
        # The window is shorter than the cool-down, or the rest of the storm would make it fire again.
        self.policy("slow", self.rule("slow", 'response = "throttle-network"\nnetwork = "256KiB"\ncool_down = "20s"').replace('"30s"', '"10s"'))
        self.start("seven", "slow", f"while [ ! -e go ]; do read -t 0.1 x; done; {STORM} sleep 60", "--host-port", str(port), "--workspace", "live")

        def fetch():
            """Seconds that it takes inside, with all bytes there."""
            result = self.world.cli("exec", "seven", "--", "python3", "-c", f"""
import socket, time
s = socket.create_connection(("127.0.0.1", {port})); s.sendall(b"?"); s.shutdown(socket.SHUT_WR)
begun, count = time.monotonic(), 0
while part := s.recv(65536): count += len(part)
print(count, time.monotonic() - begun)
""")
            self.assertEqual(result.returncode, 0, result)
            count, seconds = result.stdout.split()
            self.assertEqual(int(count), much)
            return float(seconds)

        before = fetch()
        rule, = self.world.json("inspect", "seven")["behavior"]
        self.assertEqual((rule["name"], rule["watches"], rule["response"], rule["status"], rule["fired"]),
                         ("slow", "more than 20 exec.started in 10s", ["throttle-network"], "armed", 0))
        self.assertIn("armed", self.world.ok("inspect", "seven"))
        self.world.write("go", "")
        hydravisor.wait_for(lambda: self.payloads("behavior.fired", "seven"), what="the firing")
        shown = self.world.json("inspect", "seven")
        self.assertEqual((shown["behavior"][0]["status"], shown["behavior"][0]["fired"]), ("cooling-down", 1))
        self.assertEqual([(each["response"], each["rule"], each["bytes_per_second"]) for each in shown["throttled"]], [("throttle-network", "slow", 256 << 10)])
        self.assertIn("network 256 KiB/s until", self.world.ok("inspect", "seven"))
        # A daemon that comes later knows as much, and lifts it in time.
        self.world.stop_daemon()
        again = self.world.json("inspect", "seven")
        self.assertEqual((again["behavior"][0]["status"], again["behavior"][0]["fired"]), ("cooling-down", 1))
        self.assertEqual(len(again["throttled"]), 1)
        slow = fetch()
        # A megabyte at a quarter of one in a second, less what a bucket may save; and several times what it took before.
        self.assertGreater(slow, 3.5)
        self.assertGreater(slow, 3 * before)
        lifted = hydravisor.wait_for(lambda: self.payloads("behavior.lifted", "seven"), 30, what="the end of it")
        self.assertEqual([each["response"] for each in lifted], ["throttle-network"])
        self.assertLess(fetch(), slow / 2)
        after = self.world.json("inspect", "seven")
        self.assertEqual((after["behavior"][0]["status"], "throttled" in after), ("fired", False))
        self.assertEqual(self.payloads("behavior.failed", "seven"), [])
        self.world.ok("rm", "--force", "seven")


class Shown(BehaviorCase):
    def test_a_policy_shows_its_rules_with_all_that_it_extends(self):
        self.policy("base", self.rule("storm", 'response = ["alert", "kill"]\ndry_run = true'))
        with open(os.path.join(self.world.directory("config/hydravisor/policies"), "mine.toml"), "w", encoding="utf-8") as file:
            file.write('version = 1\nextends = ["base"]\n')
        text = self.world.ok("policy", "show", "mine", "--effective")
        self.assertIn("# rule of behavior storm: more than 20 exec.started in 30s; alert, then kill (dry run)\n", text)
        rule, = self.world.json("policy", "show", "mine", "--effective")["behavior"]
        self.assertEqual((rule["name"], rule["response"], rule["dry_run"], rule["cool_down_millis"]), ("storm", ["alert", "kill"], True, 60000))
        self.assertNotIn("status", rule, "nothing runs")
        self.assertEqual(self.world.json("policy", "show", "restricted", "--effective")["behavior"], [])
        # What it prints is a policy still.
        with open(os.path.join(self.world.directory("config/hydravisor/policies"), "mine.toml"), "w", encoding="utf-8") as file:
            file.write(text)
        self.world.ok("policy", "validate", "mine")


class Histories(BehaviorCase):
    def test_what_an_agent_was_seen_doing_is_not_new_in_its_next_sandbox(self):
        self.policy("new", '[[behavior.rules]]\nname = "new"\nwhen = {kind = "call.denied"}\nfirst_seen = "call"\nhistory = "agent"\n')
        denied = ["python3", "-c", "import ctypes; ctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, None)"]
        for _ in range(2):
            self.run_in_sandbox(*denied, options=["--policy", "new"])
        fired = self.payloads("behavior.fired")
        self.assertEqual([each["value"] for each in fired], ["mount"], fired)

    def test_a_new_daemon_goes_on_where_the_last_one_was(self):
        self.policy("storm", self.rule("storm", 'response = "freeze"'))
        self.start("six", "storm", "i=0; while [ $i -lt 15 ]; do /bin/true $i; i=$((i+1)); done; touch half; while [ ! -e go ]; do read -t 0.1 x; done; "
                   "i=0; while [ $i -lt 15 ]; do /bin/true b$i; i=$((i+1)); done; sleep 60", "--workspace", "live")
        hydravisor.wait_for(lambda: os.path.exists(os.path.join(self.world.project, "half")), what="the first half")
        self.world.stop_daemon()
        self.world.write("go", "")
        hydravisor.wait_for(lambda: self.state("six") == "paused", what="the freeze by the second daemon")
        self.assertEqual(len(self.payloads("behavior.fired", "six")), 1)
        self.world.ok("rm", "--force", "six")


class Simulation(BehaviorCase):
    def test_it_shows_what_would_have_fired(self):
        self.run_in_sandbox("sh", "-c", STORM, options=["--name", "seen", "--keep"])
        self.policy("storm", self.rule("storm", 'response = "kill"'))
        result = self.world.cli("policy", "simulate", "storm", "--from", "seen", "--json")
        self.assertEqual(result.returncode, 1, result)
        simulated = json.loads(result.stdout)
        self.assertEqual([(each["rule"], each["response"]) for each in simulated["fired"]], [("storm", "kill")])
        self.assertEqual(simulated["fired_count"], 1)
        shown = self.world.cli("policy", "simulate", "storm", "--from", "seen")
        self.assertIn(b"storm would have fired a rule of behavior", shown.stdout)
        # Nothing happened, and nothing is recorded of it.
        self.assertEqual(self.payloads("behavior.fired"), [])
        self.policy("patient", self.rule("patient", "").replace("more_than = 20", "more_than = 2000"))
        self.assertEqual(json.loads(self.world.cli("policy", "simulate", "patient", "--from", "seen", "--json").stdout)["fired"], [])


if __name__ == "__main__":
    hydravisor.main()
