# as: user root
# timeout: 300
"""What is recorded fits its published schema, kind by kind, and holds no credential."""

import json
import os

import hydravisor

SCHEMA = os.path.join(hydravisor.SOURCE, "docs", "events.schema.json")

try:
    import jsonschema
except ImportError:
    jsonschema = None


def strict(schema):
    """Readers ignore what they do not know; here a member that the schema does not name is one that was forgotten."""
    for payload in schema["$defs"]["payloads"].values():
        payload["additionalProperties"] = False
    schema["additionalProperties"] = False
    return schema


class Events(hydravisor.TestCase):
    def records(self):
        return [json.loads(line) for line in self.world.ok("audit", "export", "--format", "jsonl").splitlines()]

    def live(self):
        """One of everything that needs no network beyond the machine."""
        self.world.write("kept.txt", "one\n")
        self.run_in_sandbox("sh", "-c", "echo two > kept.txt; echo new > new.txt; /bin/true; /bin/true; unshare -U true; exit 3",
                            options=["--name", "first", "--keep"])
        self.world.ok("diff", "first")
        self.world.ok("apply", "first")
        self.world.ok("rename", "first", "second")
        self.run_in_sandbox("sh", "-c", "echo x > gone.txt", options=["--name", "third"])
        self.world.ok("discard", "third")
        self.run_in_sandbox("sh", "-c", "getent hosts nobody.example.org; exit 0",
                            options=["--name", "net", "--keep", "--allow", "example.org"])
        self.world.ok("create", "--name", "quiet", "--", "sleep", "1000")
        self.world.ok("start", "quiet")
        self.world.ok("exec", "quiet", "--", "/bin/echo", "hello")
        self.world.cli("probe", "quiet", timeout=200)
        self.world.ok("pause", "quiet")
        self.world.ok("resume", "quiet")
        self.world.ok("kill", "quiet")
        hydravisor.wait_for(lambda: self.world.json("inspect", "quiet")["state"] == "stopped", 10, "the end of 'quiet'")
        for name in ("second", "net", "quiet"):
            self.world.ok("rm", "--force", name)

    def test_fit_their_schema(self):
        if jsonschema is None:
            hydravisor.skip_or_fail("python3-jsonschema is not installed")
        with open(SCHEMA, encoding="utf-8") as file:
            schema = strict(json.load(file))
        self.live()
        records = self.records()
        validator = jsonschema.Draft202012Validator(schema)
        for record in records:
            self.assertIn(record["kind"], schema["$defs"]["payloads"], f"{record['kind']} is not in the schema")
            faults = [fault.message for fault in validator.iter_errors(record)]
            self.assertEqual(faults, [], json.dumps(record))
        kinds = {record["kind"] for record in records}
        self.assertGreaterEqual(kinds, {"daemon.started", "sandbox.starting", "sandbox.started", "sandbox.stopped", "exec.started",
                                        "exec.exited", "call.denied", "workspace.diffed", "workspace.applied", "exec.requested",
                                        "sandbox.paused", "sandbox.resumed", "sandbox.renamed", "sandbox.removed", "network.dns", "probe.finished"})
        # The schema says no to what is wrong: otherwise none of the above means anything.
        wrong = dict(next(record for record in records if record["kind"] == "exec.started"))
        wrong["payload"] = {**wrong["payload"], "pid": "12"}
        self.assertFalse(validator.is_valid(wrong))
        wrong["payload"] = {**wrong["payload"], "pid": 12, "surprise": 1}
        self.assertFalse(validator.is_valid(wrong))

    def test_hold_no_credential(self):
        secret = "hunter2-" + "Zq9" * 8
        self.run_in_sandbox("sh", "-c", f"/bin/echo --password {secret}; /bin/true --api-key={secret} https://me:{secret}@host/; "
                            f"env A_TOKEN={secret} /bin/true", options=["--name", "s", "--keep"])
        self.world.ok("wait", "s")
        records = [record for record in self.records() if record["sandbox"]]
        self.assertNotIn(secret, json.dumps(records))
        counted = [record["payload"] for record in records if record["payload"].get("redacted")]
        self.assertTrue(any(payload.get("path") == "/bin/echo" for payload in counted), counted)
        self.assertIn(2, [payload["redacted"] for payload in counted if payload.get("path") == "/bin/true"], counted)
        # Neither do the files behind it: the spool, the journal, the tiles.
        for place in ("ledger", "sandboxes"):
            for folder, _, names in os.walk(os.path.join(self.world.state, "hydravisor", place)):
                for name in names:
                    if name not in ("spool",) and not name.endswith(".journal") and "tile" not in folder:
                        continue
                    with open(os.path.join(folder, name), "rb") as file:
                        self.assertNotIn(secret.encode(), file.read(), os.path.join(folder, name))
        # What is no credential is there to the letter.
        self.run_in_sandbox("/bin/echo", "plain-" + secret, options=["--name", "t", "--keep"])
        self.assertIn("plain-" + secret, self.world.ok("audit", "ls", "--sandbox", "t", "--kind", "exec.started", "--json"))


if __name__ == "__main__":
    hydravisor.main()
