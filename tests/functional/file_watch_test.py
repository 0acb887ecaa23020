# as: user root
# timeout: 200
"""Files of a copied workspace as they change, while the sandbox runs: observed in the layer that the kernel writes, whoever wrote and however."""

import json
import os

import hydravisor

MAPPER = r"""
import mmap, sys, time
with open("mapped", "r+b") as file:
    memory = mmap.mmap(file.fileno(), 4096)
    memory[0:4] = b"gone"
    memory.close()
"""


class FileWatch(hydravisor.TestCase):
    def start(self, *options):
        self.world.ok("create", "--name", "c", *options, "--", "sleep", "1000000")
        self.world.ok("start", "c")
        self.seen_until = -1

    def inside(self, script):
        self.world.ok("exec", "c", "--", "sh", "-ec", script)

    def records(self):
        return [json.loads(line) for line in self.world.ok("audit", "export", "--sandbox", "c", timeout=100).splitlines()]

    def seen(self):
        """What was told since the last time, as (kind, path, ...) with paths below the workspace; the sandbox still runs."""
        found = []
        for record in self.records():
            if record["index"] <= self.seen_until or not record["kind"].startswith("file."):
                continue
            payload = record["payload"]
            self.assertEqual((record["trust"], payload["while_running"]), ("observed", True))
            self.last = max(self.last, record["index"])
            path = os.path.relpath(payload["path"], self.world.project)
            found.append((record["kind"], os.path.relpath(payload["old_path"], self.world.project), path) if "old_path" in payload else
                         (record["kind"], path, payload["count"]) if "count" in payload else (record["kind"], path))
        return found

    def assert_seen(self, *expected, or_split=()):
        """All of these were told and nothing else. On a busy machine a second can end between the steps of what they did: what is told then of
        each step, too, and that a file which is new was written."""
        self.last = self.seen_until
        try:
            hydravisor.wait_for(lambda: set(self.seen()) >= set(expected), 15, f"{expected}")
        except AssertionError as error:
            raise AssertionError(f"{error}; told: {self.seen()}") from error
        written = {("file.modified", one[1]) for one in expected if one[0] == "file.created"}
        self.assertEqual(set(self.seen()) - written - set(or_split), set(expected))
        self.seen_until = self.last

    def test_is_told_while_the_sandbox_runs(self):
        for name in ("old", "gone", "moved", "mode", "sub/deep/below", "mapped", "untouched"):
            self.world.write(name, "x" * 4096)
        self.start()
        self.inside("echo 1 > new; mkdir -p a/b; echo 1 > a/b/c; ln -s new link")
        self.assert_seen(("file.created", "new"), ("file.created", "a"), ("file.created", "a/b"), ("file.created", "a/b/c"), ("file.created", "link"))
        # In a directory that is new in the layer, of a file that is not; and both again, when they are in it.
        self.inside("echo more >> sub/deep/below; echo more >> old; echo more >> new")
        self.assert_seen(("file.modified", "sub/deep/below"), ("file.modified", "old"), ("file.modified", "new"))
        self.inside("echo more >> sub/deep/below; echo more >> old")
        self.assert_seen(("file.modified", "sub/deep/below"), ("file.modified", "old"))
        self.inside("rm gone new; mv moved away; chmod 600 mode; mv a/b a/d")
        self.assert_seen(("file.deleted", "gone"), ("file.deleted", "new"), ("file.renamed", "moved", "away"), ("file.mode", "mode"), ("file.renamed", "a/b", "a/d"))
        # By its new name.
        self.inside("echo 2 >> a/d/c; rm -r sub")
        self.assert_seen(("file.modified", "a/d/c"), ("file.deleted", "sub"), ("file.deleted", "sub/deep"), ("file.deleted", "sub/deep/below"))
        # As editors do it, and what comes and goes.
        self.inside("echo edited > old.tmp; mv old.tmp old; touch x; rm x; cat untouched > /dev/null; true <> untouched")
        self.assert_seen(("file.modified", "old"), or_split=[("file.created", "old.tmp"), ("file.renamed", "old.tmp", "old"), ("file.created", "x"),
                                                             ("file.deleted", "x"), ("file.deleted", "old.tmp")])

    def test_sees_what_a_mapping_wrote(self):
        self.world.write("mapped", b"x" * 4096)
        self.world.write("mapper.py", MAPPER)
        self.start()
        self.world.ok("exec", "c", "--", "python3", "mapper.py")
        self.assert_seen(("file.modified", "mapped"))

    def test_many_at_once_are_folded_and_the_stop_tells_the_same(self):
        self.start()
        self.inside("mkdir many; i=0; while [ $i -lt 1500 ]; do : > many/$i; i=$((i+1)); done")
        hydravisor.wait_for(lambda: any(len(one) == 3 for one in self.all_seen()), 15, "a fold")
        hydravisor.wait_for(lambda: sum(one[2] if len(one) == 3 else 1 for one in self.all_seen()) >= 1501, 15, "all of them")
        self.assertEqual(sum(one[2] if len(one) == 3 else 1 for one in self.all_seen()), 1501)
        self.assertLess(len(self.all_seen()), 600)
        self.world.ok("stop", "c")
        hydravisor.wait_for(lambda: sum(record["payload"].get("count", 1) for record in self.at_the_stop()) >= 1501, 30, "the files at the stop")
        # Counted once by who reads.
        self.assertEqual({one["name"]: one["count"] for one in self.world.json("audit", "report", "c")["files"]}, {"created": 1501})

    def all_seen(self):
        self.last = self.seen_until = -1
        return self.seen()

    def at_the_stop(self):
        return [record for record in self.records() if record["kind"].startswith("file.") and "while_running" not in record["payload"]]

    def test_a_second_start_goes_on_from_where_the_files_are(self):
        self.world.write("old", "x")
        self.start()
        self.inside("mkdir -p kept/deep; echo 1 > kept/deep/a; echo 2 > old")
        self.world.ok("stop", "c")
        self.world.ok("start", "c")
        self.seen_until = max(record["index"] for record in self.records())
        self.inside("echo 3 >> kept/deep/a")
        self.assert_seen(("file.modified", "kept/deep/a"))

    def test_of_the_hosts_edits_that_are_brought_in_nothing_is_said(self):
        self.world.write("shared", "1")
        self.start()
        self.inside("echo 1 > first")
        self.assert_seen(("file.created", "first"))
        self.world.write("shared", "22")
        hydravisor.wait_for(lambda: self.world.ok("exec", "c", "--", "cat", "shared") == "22", 20, "the edit inside")
        self.inside("echo 1 > second")
        self.assert_seen(("file.created", "second"))


if __name__ == "__main__":
    hydravisor.main()
