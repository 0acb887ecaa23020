# as: user root
# timeout: 600
"""What a policy's [audit] leaves out of the record is in no file, and what it cannot leave out is there."""

import os
import stat
import struct

import hydravisor


class PolicyCase(hydravisor.TestCase):
    def policy(self, name, text):
        path = os.path.join(self.world.directory("config/hydravisor/policies"), name + ".toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("version = 1\n" + text)

    def records(self, kind="", sandbox=None):
        options = ["--kind", kind] if kind else []
        options += ["--sandbox", sandbox] if sandbox else []
        return self.world.json("audit", "ls", "--limit", "10000", *options)["items"]

    def files_with(self, word):
        """Every file of the state whose bytes have it: journal, index, spools and all else."""
        found = []
        for folder, _, names in os.walk(self.world.state):
            for path in (os.path.join(folder, name) for name in names):
                if stat.S_ISREG(os.lstat(path).st_mode):
                    with open(path, "rb") as file:
                        if word in file.read().lower():
                            found.append(os.path.relpath(path, self.world.state))
        return found


class AuditPolicy(PolicyCase):
    def test_arguments_are_in_no_file_where_the_policy_wants_programs_alone(self):
        self.policy("discreet", '[audit]\narguments = "program"\n')
        self.policy("plain", "")
        for policy, word in (("discreet", "zqhidden"), ("plain", "zqshown")):
            self.world.write("script.sh", f"/bin/true {word}\nenv A={word} /bin/true -x\n")
            result = self.run_in_sandbox("sh", "script.sh", options=["--policy", policy, "--name", policy, "--keep"])
            self.assertEqual(result.returncode, 0, result.stderr)
            self.world.ok("create", "--policy", policy, "--name", policy + "-exec")
            self.world.ok("start", policy + "-exec")
            self.world.ok("exec", policy + "-exec", "--", "/bin/true", word, "two")
            self.world.ok("stop", policy + "-exec")
            # One that is gone again, and its own command with it.
            self.assertEqual(self.run_in_sandbox("/bin/true", word, options=["--policy", policy]).returncode, 0)
        self.world.ok("audit", "verify")
        # The index has read everything by now, or never will.
        hydravisor.wait_for(lambda: self.world.json("audit", "search", "zqshown")["records"], 20, "the index")
        self.assertEqual(self.world.json("audit", "search", "zqhidden")["records"], [])
        self.world.stop_daemon()
        self.assertEqual(self.files_with(b"zqhidden"), [])
        # The control.
        shown = self.files_with(b"zqshown")
        self.assertTrue(any("/journal/" in path for path in shown), shown)
        self.assertTrue(any(path.endswith("/spool") for path in shown), shown)

        started = [record["payload"] for record in self.records("exec.started", "discreet")]
        true = [payload for payload in started if payload["path"] == "/bin/true"]
        self.assertEqual([(payload["arguments"], payload.get("arguments_omitted")) for payload in true], [([], 1), ([], 1)], started)
        requested = self.records("exec.requested", "discreet-exec")[-1]["payload"]
        self.assertEqual((requested["command"], requested["arguments_omitted"]), (["/bin/true"], 2))
        self.assertEqual(self.records("sandbox.starting", "discreet")[0]["payload"]["audit"], {"arguments": "program"})
        self.assertNotIn("audit", self.records("sandbox.starting", "plain")[0]["payload"])

    def test_a_credential_of_the_policys_own_is_in_no_file_and_counted(self):
        secret = "zqacme-0123456789abcdef"
        self.policy("careful", '[audit]\nredact_names = ["ZQX_*"]\nredact_patterns = ["zqacme-[0-9a-f]{16}"]\n')
        self.policy("plain", "")
        for policy, word in (("careful", "hidden"), ("plain", "shown")):
            value = secret.replace("0123", "4567") if policy == "plain" else secret
            self.world.write("script.sh", f"/bin/true {value} ZQX_ID=zq{word} --zqx-id zq{word}\n/nowhere/{value} 2>/dev/null\n")
            result = self.run_in_sandbox("sh", "script.sh", options=["--policy", policy, "--name", policy, "--keep"])
            self.assertEqual(result.returncode, 127, result.stderr)
        self.world.ok("audit", "verify")
        hydravisor.wait_for(lambda: self.world.json("audit", "search", "zqshown")["records"], 20, "the index")
        self.world.stop_daemon()
        for word in (secret.encode(), b"zqhidden"):
            self.assertEqual(self.files_with(word), [], word)
        for word in (secret.replace("0123", "4567").encode(), b"zqshown"):
            shown = self.files_with(word)
            self.assertTrue(any("/journal/" in path for path in shown), shown)
            self.assertTrue(any(path.endswith("/spool") for path in shown), shown)
        started = {record["payload"]["path"]: record["payload"] for record in self.records("exec.started", "careful")}
        self.assertEqual(started["/bin/true"]["arguments"][1:], ["[redacted]", "ZQX_ID=[redacted]", "--zqx-id", "[redacted]"])
        self.assertEqual(started["/bin/true"]["redacted"], 3)
        self.assertEqual(started["/nowhere/[redacted]"]["redacted"], 1 + started["/nowhere/[redacted]"]["arguments"].count("/nowhere/[redacted]"))
        starting = self.records("sandbox.starting", "careful")[0]["payload"]
        self.assertEqual(starting["audit"], {"redact_names": 1, "redact_patterns": 1})

    def test_it_holds_for_what_a_new_daemon_records_of_a_running_sandbox(self):
        self.policy("careful", '[audit]\narguments = "program"\nredact_patterns = ["zqacme-[0-9a-f]{16}"]\n')
        self.world.ok("create", "--policy", "careful", "--name", "s")
        self.world.ok("start", "s")
        self.world.stop_daemon()
        self.world.ok("exec", "s", "--", "sh", "-c", "/bin/true zqhidden")
        self.world.cli("exec", "s", "--", "/nowhere/zqacme-0123456789abcdef")
        self.world.ok("stop", "s")
        self.world.stop_daemon()
        self.assertEqual(self.files_with(b"zqhidden") + self.files_with(b"zqacme-0123456789abcdef"), [])

    def test_no_files_are_recorded_where_the_policy_wants_none_and_apply_is(self):
        for policy, text in (("discreet", '[audit]\nfiles = "none"\n'), ("plain", "")):
            self.policy(policy, text)
            for mode in ("cow", "live"):
                name = f"{policy}-{mode}"
                result = self.run_in_sandbox("sh", "-c", f"echo x > {name}", options=["--policy", policy, "--name", name, "--keep", "--workspace", mode])
                self.assertEqual(result.returncode, 0, result.stderr)
                self.world.ok("wait", name)
                if mode == "cow":
                    self.world.ok("apply", name)
                self.world.ok("rm", "--force", name)
            self.assertTrue(self.records("workspace.applied"), policy)
        by_sandbox = {}
        for record in self.records("file."):
            by_sandbox.setdefault(record["payload"]["path"].rsplit("/")[-1], set()).add(record["trust"])
        self.assertEqual({name for name in by_sandbox if "discreet" in name}, set())
        # The control.
        self.assertEqual(by_sandbox["plain-cow"], {"observed"})
        self.assertEqual(by_sandbox["plain-live"], {"observed", "claimed"})

    def test_paths_of_requests_are_in_no_file_where_the_policy_wants_hosts_alone(self):
        fetch = "import urllib.request, sys\ntry: urllib.request.urlopen(sys.argv[1], timeout=5)\nexcept Exception: pass\n"
        self.world.write("fetch.py", fetch)
        for policy, text in (("discreet", '[audit]\nrequests = "host"\narguments = "program"\n'), ("plain", "")):
            self.policy(policy, text)
            for host in ("allowed.test", "127.9.9.9"):
                self.run_in_sandbox("python3", "fetch.py", f"http://{host}/zq{policy}/path",
                                    options=["--policy", policy, "--allow", "allowed.test", "--name", policy + host[:3], "--keep"])
        requests = [record["payload"] for record in self.records("network.request")]
        self.assertEqual([(payload["host"], payload["method"], payload.get("path")) for payload in requests],
                         [("allowed.test", "GET", None), ("allowed.test", "GET", "/zqplain/path")])
        self.world.stop_daemon()
        found = [path for path in self.files_with(b"zqdiscreet") if not path.endswith("/sandbox.json")]
        self.assertEqual(found, [])
        self.assertTrue(any(path.endswith("/spool") for path in self.files_with(b"zqplain")))

    def test_what_is_always_recorded_cannot_be_named(self):
        self.policy("wrong", '[audit]\ndenials = "none"\nredact_patterns = ["[!-~]{8,}"]\n')
        result = self.world.cli("run", "--policy", "wrong", "--", "true")
        self.assert_refused(result, "wrong.toml:3:1: audit.denials: this is always recorded", "wrong.toml:4:20: audit.redact_patterns[0]: expected 3 characters",
                            code=result.returncode)
        self.assertNotEqual(result.returncode, 0)

    def test_is_explained_and_compared(self):
        self.policy("discreet", '[audit]\narguments = "program"\nredact_names = ["ACME_*"]\n')
        self.policy("plain", "")
        rules = {rule["key"]: rule for rule in self.world.json("policy", "explain", "discreet")["rules"]}
        self.assertEqual((rules["audit.arguments"]["value"], rules["audit.arguments"]["keeper"]), ('"program"', "supervisor"))
        self.assertIn("files", rules["audit.redact_names"]["not_covered"])
        self.assertIn('arguments = "program"', self.world.ok("policy", "show", "discreet", "--effective"))
        less = self.world.ok("policy", "diff", "plain", "discreet")
        self.assertIn("discreet records less than plain:\n  audit.arguments: adds \"program\"\n  audit.redact_names: adds \"ACME_*\"\n", less)
        self.assertIn("plain records more than discreet:", self.world.ok("policy", "diff", "discreet", "plain"))


class Retention(PolicyCase):
    """Under a clock that a file sets: a week goes by in a minute."""

    def setUp(self):
        super().setUp()
        self.clock = os.path.join(self.use_programs(os.path.join(hydravisor.BUILD, "libexec/moved_clock")), "clock")
        self.set_clock(0)

    def set_clock(self, seconds):
        # In place: programs have the file mapped.
        with open(self.clock, "r+b" if os.path.exists(self.clock) else "wb") as file:
            file.write(struct.pack("=q", seconds))

    def test_payloads_go_when_their_time_is_over_and_the_record_stays_whole(self):
        self.policy("short", '[audit]\nkeep_payloads = "7d"\n')
        self.policy("long", "")
        for policy in ("short", "long"):
            result = self.run_in_sandbox("sh", "-c", f"/bin/true zq{policy}; exit 0", options=["--policy", policy])
            self.assertEqual(result.returncode, 0, result.stderr)
        records = self.records()
        by_policy = {record["payload"]["policy"]: record["sandbox"] for record in records if record["kind"] == "sandbox.starting"}
        of_short = [record["index"] for record in records if record.get("sandbox") == by_policy["short"]]
        self.assertGreater(len(of_short), 3)
        entries = self.world.json("audit", "verify")["entries"]
        self.assertEqual([os.path.basename(path) for path in self.files_with(b'"keep_ms"')], [by_policy["short"]])
        self.set_clock(8 * 86400)
        # Both sandboxes are gone; the daemon looks once a minute.
        hydravisor.wait_for(lambda: self.records("ledger.payload_deleted"), 150, "the deletion")
        hydravisor.wait_for(lambda: all(self.world.json("audit", "show", str(index))["redacted"] for index in of_short), 30, "all payloads to be gone")
        deleted = self.records("ledger.payload_deleted")[0]
        self.assertEqual((deleted["sandbox"], deleted["payload"]["sandbox"]), (by_policy["short"], by_policy["short"]))
        self.assertEqual(deleted["payload"]["reason"], "older than 7d (audit.keep_payloads of policy 'short')")
        shown = self.world.ok("audit", "show", str(of_short[0]))
        self.assertIn(f"as record {deleted['index']} says: older than 7d (audit.keep_payloads of policy 'short')", shown)
        # The control: what another policy was for is there.
        for record in self.records():
            if record.get("sandbox") == by_policy["long"]:
                self.assertFalse(record["redacted"], record)
        report = self.world.json("audit", "verify")
        self.assertTrue(report["intact"], report)
        self.assertGreater(report["entries"], entries)
        hydravisor.wait_for(lambda: not self.files_with(b'"keep_ms"'), 150, "nothing to be remembered any more")
        self.world.stop_daemon()
        self.assertEqual(self.files_with(b"zqshort"), [])
        self.assertTrue(self.files_with(b"zqlong"))


if __name__ == "__main__":
    hydravisor.main()
