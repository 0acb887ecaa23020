# as: user root
# timeout: 300
"""Reading the ledger: search by every condition, pages, an index that can be lost, the report of a sandbox."""

import json
import os
import re
import shutil

import hydravisor


class Reading(hydravisor.TestCase):
    def live(self):
        self.run_in_sandbox("sh", "-c", "/bin/echo needle-one; /bin/true hay stack; unshare -U true; echo x > made.txt; exit 3",
                            options=["--name", "web", "--keep"])
        self.run_in_sandbox("sh", "-c", "/bin/echo needle-two", options=["--name", "other", "--keep"])
        self.world.ok("apply", "web")

    def found(self, *options):
        return self.world.json("audit", "search", *options)["records"]

    def index_directory(self):
        return os.path.join(self.world.state, "hydravisor", "ledger", "index")

    def test_finds_by_words_and_every_condition(self):
        self.live()
        self.assertEqual({record["kind"] for record in self.found("needle")} - {"sandbox.starting"}, {"exec.started"})
        both = self.found("needle", "two", "--kind", "exec.started")
        self.assertTrue(all("needle-two" in json.dumps(record) for record in both) and both)
        self.assertEqual(self.found("needle", "two", "--sandbox", "web"), [])
        self.assertTrue(self.found("STACK", "hay"))
        self.assertTrue(self.found("need*", "--sandbox", "web"))
        self.assertEqual(self.found("need", "--sandbox", "web"), [])
        echo = [os.path.realpath("/bin/echo"), "/bin/echo"]
        self.assertTrue(any(self.found("--path", path, "--kind", "exec.started") for path in echo))
        self.assertTrue(self.found("--path", "made.txt", "--kind", "workspace.applied"))
        denied = self.found("--risk", "low", "--sandbox", "web")
        self.assertIn("call.denied", {record["kind"] for record in denied})
        self.assertNotIn("info", {record["risk"] for record in denied})
        me = f"user:{os.getuid()}"
        self.assertTrue(all(record["principal"] == me for record in self.found("--principal", me)))
        self.assertEqual(self.found("needle", "--until", "2000-01-01"), [])
        self.assertTrue(self.found("needle", "--since", "1h"))
        self.assertEqual(self.world.ok("audit", "search", "nowhere-to-be-found"), "nothing answers that\n")
        self.assert_refused(self.world.cli("audit", "search", "--risk", "great"), "risk", code=2)

    def test_pages_follow_each_other_without_gap_or_repeat(self):
        self.live()
        whole = [record["index"] for record in self.found("--limit", "10000")]
        self.assertEqual(whole, sorted(whole, reverse=True))
        pages, before = [], None
        while True:
            page = self.world.json("audit", "search", "--limit", "3", *(["--before", before] if before is not None else []))
            pages += [record["index"] for record in page["records"]]
            if page["complete"]:
                break
            before = str(page["seen"])
        # What was recorded meanwhile stands before the first page.
        self.assertEqual([index for index in pages if index <= whole[0]], whole)
        last = [record["index"] for record in self.world.json("audit", "ls", "--last", "4")["items"]]
        self.assertEqual(last, sorted(last))
        self.assertEqual(len(last), 4)

    def test_an_index_that_was_lost_or_damaged_loses_nothing(self):
        self.live()
        def asked():
            return [record["index"] for record in self.found("needle", "--limit", "1000")]
        before = asked()
        self.assertGreaterEqual(len(before), 2)
        self.world.stop_daemon()
        shutil.rmtree(self.index_directory())
        self.assertEqual(asked(), before)
        hydravisor.wait_for(lambda: os.path.isdir(self.index_directory()) and os.listdir(self.index_directory()), 20, "the index")
        self.world.stop_daemon()
        for name in os.listdir(self.index_directory()):
            with open(os.path.join(self.index_directory(), name), "wb") as file:
                file.write(b"damaged" * 100)
        self.assertEqual(asked(), before)
        self.assertTrue(self.world.json("audit", "verify")["intact"])

    def test_a_report_tells_the_morning_what_the_night_did(self):
        self.live()
        self.world.ok("rm", "--force", "web")
        text = self.world.ok("audit", "report", "web")
        for words in ("Report of sandbox web", "exited 3", "system call unshare", "made.txt", "applied 1 file", f"user:{os.getuid()}"):
            self.assertIn(words, text)
        report = self.world.json("audit", "report", "web")
        self.assertEqual(report["changed_paths"], ["made.txt"])
        self.assertGreaterEqual(report["programs_started"], 4)
        self.assertIn("unshare", [call["call"] for call in report["refused_calls"]])
        markdown = self.world.ok("audit", "report", "web", "--markdown")
        self.assertTrue(markdown.startswith("# Report of sandbox web"))
        self.assert_refused(self.world.cli("audit", "report", "nobody"), "nobody")

    def test_a_report_makes_hostile_names_harmless(self):
        self.run_in_sandbox("sh", "-c", "cp /bin/true \"$(printf 'a\\033]52;c;eA==\\007|b')\"; ./a*", options=["--name", "s", "--keep"])
        for options in ([], ["--markdown"]):
            text = self.world.ok("audit", "report", "s", *options)
            self.assertIsNone(re.search("[\\x00-\\x09\\x0b-\\x1f]", text))


if __name__ == "__main__":
    hydravisor.main()
