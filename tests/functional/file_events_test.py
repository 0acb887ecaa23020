# as: user root
"""What a sandbox did to files is in the ledger after every stop, found where they lie, each once, also after a crash."""

import json
import os
import signal
import subprocess

import hydravisor

# Opens f1-N or f2-N for writing while another thread changes the digit all the time.
FORGER = r"""
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
static volatile char path[16];
static void* flip(void* unused) {
  for (;;) {
    path[1] = '1';
    path[1] = '2';
  }
  return unused;
}
int main(void) {
  pthread_t thread;
  snprintf((char*)path, sizeof path, "f1-%02d", 0);
  pthread_create(&thread, NULL, flip, NULL);
  for (int i = 0; i < 60; ++i) {
    path[3] = (char)('0' + i / 10);
    path[4] = (char)('0' + i % 10);
    int fd = open((const char*)path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (fd < 0) return 1;
    close(fd);
  }
  return 0;
}
"""


class FileEvents(hydravisor.TestCase):
    def events(self, name):
        """(kind, path below the workspace, payload) of every file event of a sandbox's stops, in their order."""
        records = [json.loads(line) for line in self.world.ok("audit", "export", "--sandbox", name).splitlines()]
        found = []
        for record in records:
            if record["kind"].startswith("file.") and record["trust"] == "observed" and "while_running" not in record["payload"]:
                unclaimed = record["payload"].get("unclaimed", False)
                self.assertEqual(record["principal"], "system" if unclaimed else f"agent:{record['sandbox']}")
                self.assertTrue(record["payload"]["path"].startswith(self.world.project))
                found.append((record["kind"][5:], os.path.relpath(record["payload"]["path"], self.world.project), record["payload"]))
        return found

    def told(self, name):
        return [(kind, path) for kind, path, _ in self.events(name)]

    def claimed(self, name):
        records = [json.loads(line) for line in self.world.ok("audit", "export", "--sandbox", name).splitlines()]
        return [(record["kind"][5:], os.path.relpath(record["payload"]["path"], self.world.project), record["payload"]["call"])
                for record in records if record["kind"].startswith("file.") and record["trust"] == "claimed"]

    def wait_told(self, name, count):
        hydravisor.wait_for(lambda: len(self.told(name)) >= count, 15, f"{count} file events of '{name}'")
        return self.told(name)

    def change(self, script, name="w", mode="cow"):
        result = self.run_in_sandbox("sh", "-ec", script, options=["--name", name, "--keep", "--workspace", mode])
        self.assertEqual(result.returncode, 0, result.stderr)

    def start_and_wait(self, name):
        self.world.ok("start", name)
        hydravisor.wait_for(lambda: self.world.json("inspect", name)["state"] == "stopped", 10, f"the end of '{name}'")

    def test_tell_every_kind_after_the_stop(self):
        self.world.write("kept", "one\n")
        self.world.write("gone", "1\n")
        self.world.write("mode", "m\n")
        self.world.write("old", "moved\n")
        self.change("echo two > kept; rm gone; chmod 700 mode; mv old new; mkdir d; echo x > d/x; ln -s x d/l; echo t > t; rm t")
        self.assertEqual(self.wait_told("w", 7), [("created", "d"), ("created", "d/l"), ("created", "d/x"), ("deleted", "gone"),
                                                  ("modified", "kept"), ("mode", "mode"), ("renamed", "new")])
        payloads = {path: payload for _, path, payload in self.events("w")}
        self.assertEqual((payloads["mode"]["mode_before"], payloads["mode"]["mode"]), ("0644", "0700"))
        self.assertEqual(payloads["new"]["old_path"], f"{self.world.project}/old")
        # They lie behind the end, which does not wait for them, and a search by path finds them.
        records = [json.loads(line) for line in self.world.ok("audit", "export", "--sandbox", "w").splitlines()]
        kinds = [record["kind"] for record in records if "while_running" not in record["payload"]]
        self.assertGreater(kinds.index("file.created"), kinds.index("sandbox.stopped"))
        found = [item for item in self.world.json("audit", "ls", "--path", f"{self.world.project}/old")["items"] if "while_running" not in item["payload"]]
        self.assertEqual([item["kind"] for item in found], ["file.renamed"])
        self.assertIn("renamed", self.world.ok("audit", "report", "w"))

    def test_a_later_stop_tells_what_came_since_and_not_what_the_user_did(self):
        self.change("echo a > a; echo thrown > thrown; echo b > b; test -e again && echo c > c || touch again")
        self.wait_told("w", 4)
        self.world.ok("apply", "w", "b")
        self.world.ok("discard", "w", "thrown")
        self.start_and_wait("w")
        told = self.wait_told("w", 8)
        self.assertEqual(sorted(told[4:]), [("created", "c"), ("created", "thrown"), ("modified", "a"), ("modified", "b")])

    def test_are_recorded_before_a_removal_that_nobody_waited_for(self):
        self.world.ok("create", "--name", "w", "--", "sh", "-c", "echo x > x; exec sleep 1000")
        self.world.ok("start", "w")
        sandbox = self.world.json("inspect", "w")["id"]
        hydravisor.wait_for(lambda: self.world.json("inspect", "w")["workspace"].get("changes"), 10, "the change")
        self.world.ok("rm", "--force", "w")
        kinds = [json.loads(line)["kind"] for line in self.world.ok("audit", "export", "--sandbox", sandbox).splitlines()]
        self.assertIn("file.created", kinds)
        self.assertLess(kinds.index("file.created"), kinds.index("sandbox.removed"))

    def test_survive_a_daemon_that_was_killed(self):
        self.world.ok("create", "--name", "w", "--", "sh", "-c", "echo x > x; exec sleep 1000")
        self.world.ok("start", "w")
        hydravisor.wait_for(lambda: self.world.json("inspect", "w")["workspace"].get("changes"), 10, "the change")
        supervisor = self.world.json("inspect", "w")["supervisor_pid"]
        os.kill(self.world.daemon_pid(), signal.SIGKILL)
        os.kill(supervisor, signal.SIGKILL)
        self.assertEqual(self.wait_told("w", 1), [("created", "x")])
        self.world.stop_daemon()
        self.assertEqual(self.world.json("inspect", "w")["state"], "stopped")
        self.assertEqual(self.told("w"), [("created", "x")])

    def test_a_list_that_was_half_recorded_is_finished_without_doubling(self):
        self.change("for i in 1 2 3 4 5; do echo $i > f$i; done")
        self.wait_told("w", 5)
        sandbox = self.world.json("inspect", "w")["id"]
        records = f"{self.world.state}/hydravisor/sandboxes/{sandbox}/workspace"
        self.world.stop_daemon()
        # As a crash between the second and the third of a list leaves it: numbers 4 and 5 are in the ledger, 6 is not.
        events = [{"kind": "created", "path": f"{self.world.project}/g{number}"} for number in (4, 5, 6)]
        for name, text in (("files.pending", json.dumps({"version": 1, "first": 4, "events": events})), ("files.due", "")):
            with open(f"{records}/{name}", "w", encoding="utf-8") as file:
                file.write(text)
        self.assertEqual(self.wait_told("w", 6)[5:], [("created", "g6")])
        hydravisor.wait_for(lambda: not os.path.exists(f"{records}/files.due"), 10, "the end of the recording")
        self.assertFalse(os.path.exists(f"{records}/files.pending"))

    def test_of_a_live_workspace_are_told_against_what_was_kept(self):
        self.world.write("kept", "one\n")
        self.world.write("same", "same\n")
        self.change("echo two > kept; echo same > same; echo new > new", mode="live")
        self.assertEqual(self.wait_told("w", 2), [("modified", "kept"), ("created", "new")])

    def test_in_a_live_workspace_every_call_is_a_claim_too(self):
        self.world.write("kept", "one\n")
        self.world.write("gone", "1\n")
        self.change("echo two > kept; mkdir d; mv kept d/kept; rm gone; chmod 600 d/kept; echo x > t; rm t; true > /dev/null", mode="live")
        self.wait_told("w", 3)
        claims = {(kind, path) for kind, path, _ in self.claimed("w")}
        for claim in (("modified", "kept"), ("created", "d"), ("renamed", "d/kept"), ("deleted", "gone"), ("mode", "d/kept"), ("modified", "t"),
                      ("deleted", "t")):
            self.assertIn(claim, claims)
        self.assertNotIn("/dev/null", [os.path.normpath(os.path.join(self.world.project, path)) for _, path in claims])

    def test_a_forged_path_is_claimed_and_the_real_one_observed(self):
        self.world.write("forge.c", FORGER)
        subprocess.run(["cc", "-O1", "-pthread", "-o", "forge", "forge.c"], cwd=self.world.project, check=True)
        self.change("./forge", mode="live")
        # 60 files were made under a name that another thread changed all the time between two.
        claims = {path for kind, path, call in self.claimed("w") if path.startswith(("f1", "f2"))}
        real = {name for name in os.listdir(self.world.project) if name.startswith(("f1", "f2"))}
        hydravisor.wait_for(lambda: {path for kind, path in self.told("w") if kind == "created"} >= real, 10, "what was really made")
        self.assertEqual({path for kind, path in self.told("w") if path.startswith(("f1", "f2"))}, real)
        lies = {path for _, path, payload in self.events("w") if payload.get("unclaimed")}
        self.assertEqual(lies, real - claims)

    def test_many_files_are_folded_and_named(self):
        self.change("mkdir many src; for i in $(seq 3000); do : > many/$i; done; echo 1 > src/one")
        self.wait_told("w", 3)
        hydravisor.wait_for(lambda: ("created", "src/one") in self.told("w"), 10, "the single event")
        events = self.events("w")
        folds = [payload for _, path, payload in events if "count" in payload]
        self.assertEqual({payload["path"] for payload in folds}, {f"{self.world.project}/many"})
        named = {path for payload in folds for path in payload["paths"]}
        self.assertEqual(named, {f"{self.world.project}/many/{number}" for number in range(1, 3001)})
        self.assertLess(len(events), 20)

    def test_nothing_is_told_where_nothing_changed(self):
        self.world.write("a", "one\n")
        self.change("cat a; echo one > a; touch a")
        self.change("echo gone > b; rm b", name="v")
        for name in ("w", "v"):
            sandbox = self.world.json("inspect", name)["id"]
            due = f"{self.world.state}/hydravisor/sandboxes/{sandbox}/workspace/files.due"
            hydravisor.wait_for(lambda due=due: not os.path.exists(due), 10, "the end of the recording")
            self.assertEqual(self.told(name), [])

    def test_of_a_repository_outside_of_the_workspace_too(self):
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run([*git, "init", "-q", self.world.project], check=True)
        self.world.write("sub/a", "one\n")
        subprocess.run([*git, "-C", self.world.project, "add", "."], check=True)
        subprocess.run([*git, "-C", self.world.project, "commit", "-qm", "one"], check=True)
        script = ("export GIT_DISCOVERY_ACROSS_FILESYSTEM=1; echo two > a; git -c safe.directory='*' -c user.name=a -c user.email=a@example.org commit -qam two")
        result = self.world.cli("run", "--name", "w", "--keep", "--", "sh", "-ec", script, cwd=f"{self.world.project}/sub")
        self.assertEqual(result.returncode, 0, result.stderr)
        told = self.wait_told("w", 2)
        self.assertIn(("modified", "sub/a"), told)
        self.assertTrue(any(path.startswith(".git/objects/") for kind, path in told if kind == "created"), told)


if __name__ == "__main__":
    hydravisor.main()
