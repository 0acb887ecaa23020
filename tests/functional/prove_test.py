# as: user root
# timeout: 300
"""Proofs of containment: made in a twin, signed into the ledger, asked for by policies, and a start that waits for one."""

import glob
import json
import os
import shlex
import signal
import subprocess
import time

import hydravisor

PROBE = os.path.join(hydravisor.BIN, "hydravisor-probe")


class ProofCase(hydravisor.TestCase):
    def events(self, kind):
        return self.world.json("audit", "ls", "--kind", kind)["items"]

    def proofs(self):
        return self.events("probe.proof")

    def policy(self, name, text):
        directory = os.path.join(self.world.directory("config"), "hydravisor", "policies")
        os.makedirs(directory, exist_ok=True)
        with open(os.path.join(directory, f"{name}.toml"), "w", encoding="utf-8") as file:
            file.write("version = 1\n" + text)

    def hinted(self, result):
        """The command that a refusal names, as words after the program's name."""
        line = next(line for line in result.stderr.decode().splitlines() if "make one: " in line)
        words = shlex.split(line.partition("make one: ")[2].partition(";")[0])
        self.assertEqual(words[0], "hydravisor")
        return words[1:]


class Run(ProofCase):
    def test_starts_after_a_proof_of_the_same_plan_and_names_it(self):
        self.assert_output(self.run_in_sandbox("echo", "on", options=["--prove", "--host-port", "9", "--read", "/srv"]), "on\n")
        (proof,) = self.proofs()
        started = [event for event in self.events("sandbox.starting") if "twin" not in event["payload"]]
        self.assertEqual([event["payload"]["proof"] for event in started], [proof["index"]])
        self.assertLess(proof["index"], started[0]["index"])
        self.assertEqual(proof["trust"], "observed")
        self.assertEqual(proof["durability"], "sealed")
        self.assertTrue(proof["payload"]["held"])
        known = {probe["id"] for probe in json.loads(subprocess.check_output([PROBE, "--list", "--json"]))}
        self.assertEqual(set(proof["payload"]["verdicts"]), known)
        self.assertNotIn("got_through", proof["payload"]["verdicts"].values())
        self.assertIn(os.uname().release, proof["payload"]["subject"]["kernel"])
        self.world.ok("audit", "verify")

    def test_proves_a_policy_that_allows_nested_sandboxes_for_what_it_is(self):
        self.assert_output(self.run_in_sandbox("echo", "on", options=["--prove", "--policy", "standard"]), "on\n")
        (proof,) = self.proofs()
        self.assertEqual(proof["payload"]["subject"]["variant"], ["nested"])
        self.assertEqual(proof["payload"]["verdicts"]["unshare-user-namespace"], "not_applicable")
        self.assertEqual(proof["payload"]["verdicts"]["keyctl"], "held")

    def test_of_a_weakened_sandbox_starts_nothing_and_says_what_to_do(self):
        result = self.run_in_sandbox("touch", "ran", options=["--prove", "--workspace", "live", "--skip-layer", "seccomp"])
        self.assert_refused(result, "io-uring", "held by seccomp", "leave out --skip-layer seccomp", "audit show")
        self.assertIsNone(self.world.read("ran"))
        self.assertEqual([event for event in self.events("sandbox.starting") if "twin" not in event["payload"]], [])
        (proof,) = self.proofs()
        self.assertFalse(proof["payload"]["held"])
        self.assertEqual(proof["risk"], "high")
        self.assertIn("io-uring", [item["id"] for item in proof["payload"]["failed"]])
        # Without the proof the same start goes on.
        self.run_in_sandbox("touch", "ran", options=["--workspace", "live", "--skip-layer", "seccomp"])
        self.assertIsNotNone(self.world.read("ran"))

    def test_in_the_background_is_proven_too(self):
        self.world.ok("run", "--detach", "--prove", "--name", "web", "--", "sleep", "300")
        self.assertEqual(self.events("sandbox.starting")[-1]["payload"]["proof"], self.proofs()[0]["index"])
        self.assert_refused(self.run_in_sandbox("true", options=["--detach", "--prove", "--skip-layer", "seccomp"]), "seccomp")
        hydravisor.wait_for(lambda: [item["name"] for item in self.world.json("ls")["items"]] == ["web"], 10, "the end of what was probed")

    def test_of_what_is_not_there_ends_as_without_a_proof(self):
        self.assert_refused(self.run_in_sandbox("no-such-command", options=["--prove"]), "no-such-command", code=127)

    def test_leaves_nothing_of_the_twin(self):
        self.run_in_sandbox("true", options=["--prove"])
        hydravisor.wait_for(lambda: not self.world.sandboxes(), what="the end of the twin")

    def test_whose_daemon_is_killed_while_it_proves_leaves_nothing(self):
        for _ in range(3):
            daemon = self.world.daemon_pid()
            with self.world.start_cli("run", "--prove", "--", "true") as process:
                kept = os.path.join(self.world.state, "hydravisor", "sandboxes", "*", "sandbox.json")
                hydravisor.wait_for(lambda: glob.glob(kept) or process.poll() is not None, what="the twin")
                self.world.note()
                os.kill(daemon, signal.SIGKILL)
                process.communicate(timeout=60)
            self.world.ok("ls")
            hydravisor.wait_for(lambda: not self.world.sandboxes(), what="the removal of what was left")
        self.world.ok("audit", "verify")


class Sign(ProofCase):
    def test_is_about_a_twin_that_no_agent_can_spoil(self):
        kill_probes = ("while (1) { for my $p (glob '/proc/[0-9]*/comm') { open my $f, '<', $p or next; my $n = <$f> // ''; "
                       "kill 'KILL', $1 if $n eq \"probe\\n\" && $p =~ m{/proc/(\\d+)/} } }")
        self.world.ok("run", "--detach", "--name", "web", "--", "perl", "-e", kill_probes)
        # The control: in the sandbox itself the agent can keep the answer from coming.
        hydravisor.wait_for(lambda: self.world.cli("probe", "web").returncode not in (0, 1), 60, "a probing that the agent ends")
        result = self.world.cli("probe", "--sign", "web", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual({entry["status"] for entry in json.loads(result.stdout)}, {"held", "held_unrecorded", "not_applicable"})
        (proof,) = self.proofs()
        self.assertEqual(proof["payload"]["name"], "web")
        self.assertEqual(proof["sandbox"], self.world.json("inspect", "web")["id"])
        self.assertIn(str(proof["index"]), result.stderr.decode())
        self.assertIn("verdicts", self.world.ok("audit", "show", proof["index"]))

    def test_works_for_a_sandbox_that_does_not_run(self):
        self.world.ok("create", "--name", "web", "--", "true")
        self.world.ok("probe", "--sign", "web")
        self.assertEqual(self.world.json("inspect", "web")["state"], "created")

    def test_goes_with_every_probe_and_every_layer(self):
        for option in (["--only", "keyctl"], ["--control", "seccomp"], ["--last"]):
            self.assert_refused(self.world.cli("probe", "--sign", *option, "web"), "contradict", code=2)
        self.assert_refused(self.world.cli("probe", "--sign"), "NAME", code=2)


class Last(ProofCase):
    def test_shows_age_cover_and_whether_it_counts(self):
        self.assert_refused(self.world.cli("probe", "--last"), "nothing was proven yet", "--sign")
        self.policy("mine", "")
        self.run_in_sandbox("true", options=["--policy", "mine", "--prove", "--name", "first"])
        text = self.world.ok("probe", "--last")
        for word in ("nothing got through", "ago)", "for a start with this policy", "mine, sha256", "not applicable: ", "audit verify"):
            self.assertIn(word, text)
        self.assert_refused(self.world.cli("probe", "--last", "second"), "'second'")
        self.policy("mine", "[limits]\npids = 100\n")
        result = self.world.cli("probe", "--last", "--json")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(json.loads(result.stdout)["stale"], "the policy says something else by now")


class RequiredByAPolicy(ProofCase):
    def run_mine(self, *more, options=()):
        return self.run_in_sandbox(*(more or ("echo", "on")), options=["--policy", "mine", *options])

    def test_refuses_until_the_command_that_it_names_was_run(self):
        self.policy("mine", "[security]\nrequire_probe = true\n")
        refused = self.run_mine()
        self.assert_refused(refused, "policy 'mine' starts nothing without a proof", "there is none")
        self.assert_refused(self.run_mine(options=["--detach"]), "without a proof")
        self.assertEqual(self.world.sandboxes(), [])
        self.world.ok(*self.hinted(refused))
        self.assert_output(self.run_mine(), "on\n")
        self.assertEqual(self.events("sandbox.starting")[-1]["payload"]["proof"], self.proofs()[-1]["index"])
        # One layer less is another sandbox, and so is another policy of the same name.
        self.assert_refused(self.run_mine(options=["--skip-layer", "landlock"]), "there is none")
        self.policy("mine", "[security]\nrequire_probe = true\n[limits]\npids = 100\n")
        self.assert_refused(self.run_mine(), "there is none")
        self.assert_output(self.run_mine(options=["--prove"]), "on\n")
        self.assert_output(self.run_mine(), "on\n")

    def test_holds_for_later_starts_of_a_sandbox(self):
        self.policy("mine", "")
        self.world.ok("create", "--policy", "mine", "--name", "web", "--", "sleep", "300")
        self.policy("mine", "[security]\nrequire_probe = true\n")
        refused = self.world.cli("start", "web")
        self.assert_refused(refused, "without a proof")
        self.assertEqual(self.hinted(refused), ["probe", "--sign", "web"])
        self.world.ok(*self.hinted(refused))
        self.world.ok("start", "web")

    def test_is_no_longer_met_when_the_proof_is_too_old(self):
        self.policy("mine", "[security]\nrequire_probe = \"2s\"\n")
        before = time.monotonic()
        self.assert_output(self.run_mine(options=["--prove"]), "on\n")
        refused = hydravisor.wait_for(lambda: next(iter(r for r in [self.run_mine()] if r.returncode), None), what="the proof's age")
        self.assert_refused(refused, "old, and 2s are allowed")
        self.assertGreater(time.monotonic() - before, 2)

    def test_is_met_by_the_ledger_alone(self):
        self.policy("mine", "[security]\nrequire_probe = true\n")
        self.run_mine(options=["--prove"])
        self.run_in_sandbox("true", options=["--prove", "--skip-layer", "seccomp"])
        bad = self.proofs()[-1]["index"]
        places = os.path.join(self.world.state, "hydravisor", "cache", "proofs")
        for text in (str(bad), "0", "nonsense"):
            for name in os.listdir(places):
                with open(os.path.join(places, name), "w", encoding="utf-8") as file:
                    file.write(text)
            self.assert_refused(self.run_mine(), "without a proof")


if __name__ == "__main__":
    hydravisor.main()
