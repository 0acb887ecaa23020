# as: user root
# timeout: 300
"""What leaves the ledger: formats that other programs read, bundles and witnesses that prove it elsewhere."""

import csv
import io
import json
import os
import re
import shutil
import socket

import hydravisor
from witness import Witness

# What the published schema (OCSF 1.4.0) requires of the classes that we give, and of the objects in them.
BASE = {"activity_id", "category_uid", "class_uid", "type_uid", "time", "metadata", "severity_id"}
CLASSES = {
    1001: {"actor", "device", "file"},
    1003: {"actor", "device", "kernel"},
    1007: {"actor", "device", "process"},
    1008: {"log_name"},
    2003: {"finding_info", "compliance"},
    2004: {"finding_info"},
    3002: {"user", "service"},
    4001: {"src_endpoint", "dst_endpoint"},
    4002: {"src_endpoint", "dst_endpoint", "http_request"},
    4003: {"src_endpoint"},
    6002: {"app"},
}
OBJECTS = {
    "metadata": [{"product", "version"}],
    "device": [{"type_id"}],
    "actor": [{"process"}, {"user"}, {"app_name"}, {"app_uid"}],
    "process": [{"pid"}, {"uid"}],
    "file": [{"name", "type_id"}],
    "kernel": [{"name", "type_id"}],
    "app": [{"name", "vendor_name"}],
    "src_endpoint": [{"ip"}, {"uid"}, {"name"}, {"hostname"}],
    "dst_endpoint": [{"ip"}, {"uid"}, {"name"}, {"hostname"}],
    "query": [{"hostname"}],
    "user": [{"uid"}, {"name"}],
    "connection_info": [{"direction_id"}],
}
SYSLOG = re.compile(r"<1[01][0-9]>1 \S{27} \S+ hydravisor - [a-z0-9._]{1,32} \[hydravisor@32473 [^\n]*\] (-|\ufeff\{.*\})")


class Export(hydravisor.TestCase):
    def live(self):
        self.run_in_sandbox("sh", "-c", "/bin/echo one; unshare -U true; getent hosts nobody.example.org; exit 0",
                            options=["--name", "web", "--keep", "--allow", "example.org"])
        self.world.ok("wait", "web")

    def path(self, name):
        return os.path.join(self.world.top, name)

    def test_csv_is_a_table(self):
        self.live()
        rows = list(csv.DictReader(io.StringIO(self.world.ok("audit", "export", "--format", "csv"), newline="")))
        self.assertEqual([int(row["index"]) for row in rows], list(range(len(rows))))
        self.assertIn("exec.started", {row["kind"] for row in rows})
        for row in rows:
            self.assertNotIn(None, row)
            json.loads(row["payload"])

    def test_ocsf_has_what_its_schema_requires(self):
        self.live()
        classes = set()
        for line in self.world.ok("audit", "export", "--format", "ocsf").splitlines():
            event = json.loads(line)
            self.assertIn(event["class_uid"], CLASSES, line)
            classes.add(event["class_uid"])
            self.assertEqual((BASE | CLASSES[event["class_uid"]]) - event.keys(), set(), line)
            self.assertEqual(event["type_uid"], event["class_uid"] * 100 + event["activity_id"])
            for name, choices in OBJECTS.items():
                if name in event:
                    self.assertTrue(any(choice <= event[name].keys() for choice in choices), f"{name}: {line}")
        self.assertGreaterEqual(classes, {1003, 1007, 4003, 6002})

    def test_a_log_server_gets_every_record_as_rfc_5424(self):
        self.live()
        count = len(self.world.ok("audit", "export").splitlines())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            server.bind(("127.0.0.1", 0))
            server.settimeout(10)
            self.world.ok("audit", "export", "--format", "syslog", "--to", f"udp:127.0.0.1:{server.getsockname()[1]}")
            messages = [server.recv(65536).decode() for _ in range(count)]
        for message in messages:
            self.assertRegex(message, SYSLOG)
            self.assertLessEqual(len(message.encode()), 2048)
        self.assert_refused(self.world.cli("audit", "export", "--format", "syslog", "--to", "udp:log.example.org"), "address")

    def test_the_journal_gets_every_record_however_long(self):
        self.run_in_sandbox("/bin/echo", "x" * 6000, "y" * 6000, options=["--name", "long", "--keep"])
        place = self.path("journal.socket")
        received = []
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            server.bind(place)
            server.settimeout(10)
            running = self.world.start_cli("audit", "export", "--format", "journald", "--to", "unix:" + place, "--kind", "exec.")
            while running.poll() is None or not received:
                try:
                    server.settimeout(0.3)
                    data, descriptors, _, _ = socket.recv_fds(server, 1 << 20, 1)
                except TimeoutError:
                    continue
                for descriptor in descriptors:
                    data = os.pread(descriptor, 1 << 20, 0)
                    os.close(descriptor)
                received.append(data)
            self.assertEqual(running.wait(), 0, running.stderr.read())
            running.communicate()
        kinds = {re.search(rb"^HYDRAVISOR_KIND=(.*)$", data, re.MULTILINE).group(1) for data in received}
        self.assertIn(b"exec.started", kinds)
        for data in received:
            self.assertRegex(data, rb"(?m)^MESSAGE=exec")
            self.assertRegex(data, rb"(?m)^PRIORITY=[3-6]$")

    def test_an_export_that_fails_leaves_no_file(self):
        self.live()
        self.world.ok("audit", "export", "--to", self.path("whole.jsonl"))
        with open(self.path("whole.jsonl"), encoding="utf-8") as file:
            self.assertGreater(len(file.readlines()), 5)
        before = sorted(os.listdir(self.world.top))
        # No sandbox of this name: refused in the middle, after the target was opened.
        self.assert_refused(self.world.cli("audit", "export", "--sandbox", "nobody", "--to", self.path("none.jsonl")), "nobody")
        self.assert_refused(self.world.cli("audit", "export", "--to", self.path("no/such/place")), "export")
        self.assert_refused(self.world.cli("audit", "export", "--follow", "--to", self.path("f")), "whole", code=2)
        self.assert_refused(self.world.cli("audit", "export", "--format", "parquet", "--to", self.path("p")), "jsonl", code=2)
        self.assertEqual(sorted(os.listdir(self.world.top)), before)

    def first_key(self):
        with open(os.path.join(self.world.state, "hydravisor", "ledger", "keys", "0.vkey"), encoding="ascii") as file:
            return file.read().strip()

    def test_a_bundle_verifies_without_the_ledger_and_not_when_changed(self):
        self.live()
        bundle = self.path("web.bundle")
        self.world.ok("audit", "export", "--format", "bundle", "--sandbox", "web", "--to", bundle)
        key = self.first_key()
        self.world.stop_daemon()
        # As on another machine: nothing of the ledger is there.
        shutil.rmtree(os.path.join(self.world.state, "hydravisor", "ledger"))
        report = self.world.json("audit", "verify", bundle, "--key", key)
        self.assertTrue(report["intact"], report)
        self.assertGreater(report["entries"], 5)
        self.assertIn("as it was sealed", self.world.ok("audit", "check", bundle))
        self.assertFalse(os.path.exists(os.path.join(self.world.state, "hydravisor", "ledger")))
        with open(bundle, encoding="utf-8") as file:
            lines = file.readlines()
        for number, line in enumerate(lines):
            changed = line.replace("exec", "exes", 1) if number % 2 == 0 and "exec" in line else line.replace("1", "2", 1)
            with open(self.path("changed.bundle"), "w", encoding="utf-8") as file:
                file.writelines(lines[:number] + [changed] + lines[number + 1:])
            result = self.world.cli("audit", "check", self.path("changed.bundle"), "--key", key)
            self.assertEqual(result.returncode, 1, f"line {number}: {result.stdout.decode()}")
        stranger = key[:-3] + ("A" if key[-3] != "A" else "B") + key[-2:]
        self.assertNotEqual(self.world.cli("audit", "check", bundle, "--key", stranger).returncode, 0)
        self.assert_refused(self.world.cli("audit", "check", self.path("absent")), "absent")

    def test_one_record_is_proved_and_that_the_past_was_kept(self):
        self.live()
        self.world.ok("audit", "verify")
        checkpoint = os.path.join(self.world.state, "hydravisor", "ledger", "checkpoint")
        shutil.copy(checkpoint, self.path("remembered"))
        self.run_in_sandbox("true")
        self.world.ok("audit", "verify")
        self.world.ok("audit", "prove", "2", "--since", self.path("remembered"), "--to", self.path("2.bundle"))
        report = self.world.json("audit", "check", self.path("2.bundle"), "--key", self.first_key())
        self.assertTrue(report["intact"] and report["entries"] == 1, report)
        self.assertTrue(self.world.json("audit", "verify", "--checkpoint", self.path("remembered"))["intact"])
        self.assert_refused(self.world.cli("audit", "prove", "99999"), "99999")

    def test_a_witness_finds_a_ledger_that_was_set_back(self):
        ledger = os.path.join(self.world.state, "hydravisor", "ledger")
        witness = self.path("witness")
        self.live()
        self.world.ok("audit", "verify")
        self.world.stop_daemon()
        shutil.copytree(ledger, self.path("older"))
        self.run_in_sandbox("true")
        self.world.ok("audit", "verify")
        seen = self.world.json("audit", "witness", witness)
        self.assertGreater(seen["size"], 0)
        self.assertTrue(self.world.json("audit", "verify", "--witness", witness)["intact"])
        self.world.stop_daemon()
        shutil.rmtree(ledger)
        os.rename(self.path("older"), ledger)
        # Whole in itself, so only the witness can tell.
        self.assertTrue(self.world.json("audit", "verify", "--offline")["intact"])
        result = self.world.cli("audit", "verify", "--witness", witness, "--json")
        self.assertEqual(result.returncode, 1)
        self.assertIn("rolled_back", result.stdout.decode())
        self.assert_refused(self.world.cli("audit", "witness", witness), "set back")

    def witness(self):
        witness = Witness()
        self.addCleanup(witness.close)
        self.live()
        self.world.ok("audit", "verify")
        witness.trust[self.first_key().split("+")[0]] = [self.first_key()]
        return witness

    def test_a_witness_behind_an_address_cosigns_what_continues(self):
        witness = self.witness()
        self.assert_refused(self.world.cli("audit", "witness", witness.url()), "its public key is not known", "--key")
        self.assertEqual(witness.answers, [])
        first = self.world.json("audit", "witness", witness.url(), "--key", witness.vkey())
        self.assertEqual((first["before"], first["key"]), (0, witness.vkey()))
        self.run_in_sandbox("true")
        self.world.ok("audit", "verify")
        second = self.world.json("audit", "witness", witness.url())
        self.assertEqual(second["before"], first["size"])
        self.assertGreater(second["size"], first["size"])
        self.assertEqual(witness.answers, [200, 200])
        # What it signed is kept: the ledger is held against it by its address or by the directory.
        for name in (witness.url(), second["kept"]):
            self.assertTrue(self.world.json("audit", "verify", "--witness", name)["intact"])
        # An answer that got lost: it has seen more than we know it has.
        witness.lose_answers = 1
        self.run_in_sandbox("true")
        self.world.ok("audit", "verify")
        self.assert_refused(self.world.cli("audit", "witness", witness.url()), "503", "try later")
        self.run_in_sandbox("true")
        self.world.ok("audit", "verify")
        last = self.world.json("audit", "witness", witness.url())
        self.assertGreater(last["before"], second["size"])
        self.assertEqual(witness.answers[-2:], [409, 200])

    def test_a_witness_behind_an_address_finds_a_ledger_that_was_set_back(self):
        state = os.path.join(self.world.state, "hydravisor")
        witness = self.witness()
        self.world.stop_daemon()
        shutil.copytree(os.path.join(state, "ledger"), self.path("older"))
        self.run_in_sandbox("true")
        self.world.ok("audit", "verify")
        kept = self.world.json("audit", "witness", witness.url(), "--key", witness.vkey())["kept"]
        self.world.stop_daemon()
        shutil.rmtree(os.path.join(state, "ledger"))
        shutil.copytree(self.path("older"), os.path.join(state, "ledger"))
        self.assert_refused(self.world.cli("audit", "witness", witness.url()), "set back")
        self.assertEqual(self.world.cli("audit", "verify", "--witness", witness.url()).returncode, 1)
        # Whoever set it back took away what was kept, too: the witness itself knows.
        shutil.rmtree(kept)
        self.assert_refused(self.world.cli("audit", "witness", witness.url(), "--key", witness.vkey()), "set back")
        self.assertEqual(witness.answers[-1], 409)
        # Grown beyond what it saw, in another way.
        for _ in range(3):
            self.run_in_sandbox("true")
        self.world.ok("audit", "verify")
        self.assert_refused(self.world.cli("audit", "witness", witness.url(), "--key", witness.vkey()), "another one")
        self.assertEqual(witness.answers[-2:], [409, 422])
        self.assertFalse(os.path.exists(os.path.join(kept, "checkpoint")))

    def test_a_witness_behind_an_address_is_believed_by_its_key_alone(self):
        witness = self.witness()
        stranger = Witness()
        self.addCleanup(stranger.close)
        ask = lambda *words: self.world.cli("audit", "witness", *words)
        self.assert_refused(ask(witness.url(), "--key", stranger.vkey()), "not a cosignature")
        self.assert_refused(ask(stranger.url(), "--key", stranger.vkey()), "does not know the ledger")
        stranger.trust = {origin: [] for origin in witness.trust}
        self.assert_refused(ask(stranger.url(), "--key", stranger.vkey()), "does not know the key", self.first_key())
        self.assert_refused(ask(witness.url(), "--key", "nonsense"), "--key")
        self.world.ok("audit", "witness", witness.url(), "--key", witness.vkey())
        self.assert_refused(ask(witness.url(), "--key", stranger.vkey()), "its key was")
        self.assert_refused(ask("http://127.0.0.1:1", "--ca", "/etc/hosts"), "https://")
        self.assert_refused(ask("http://127.0.0.1:1/w", "--key", witness.vkey()), "Connection refused")
        self.assert_refused(ask("http://witness example/"), "witness")
        self.assert_refused(ask(self.path("w"), "--key", witness.vkey()), "--key")


    def test_what_was_pruned_says_so_and_the_rest_verifies(self):
        self.live()
        self.world.ok("audit", "verify")
        gone = self.world.json("audit", "prune", "--payloads", "0s", "--reason", "enough of it")
        self.assertEqual(gone["payloads_first"], 0)
        self.assertTrue(self.world.json("audit", "show", "1")["redacted"])
        said = self.world.json("audit", "search", "--kind", "ledger.payload_deleted")["records"][0]
        self.assertEqual(said["payload"]["reason"], "enough of it")
        self.assertEqual(said["principal"], f"user:{os.getuid()}")
        self.assertTrue(self.world.json("audit", "verify")["intact"])
        self.assert_refused(self.world.cli("audit", "prune", "--payloads", "1d"), "--reason", code=2)
        self.assert_refused(self.world.cli("audit", "prune", "--reason", "x"), "--size", code=2)


if __name__ == "__main__":
    hydravisor.main()
