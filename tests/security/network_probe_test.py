# labels: security
# as: root
# timeout: 600
"""The probes of the network, in a fake internet in which everything that they aim at answers: with a gateway, without a network, and in
sandboxes that are weakened in one thing, where they must get through."""

import json
import os
import pwd
import subprocess

import fake_internet
import hydravisor
import run_as

PROBE = os.path.join(hydravisor.BIN, "hydravisor-probe")
LISTED = ["allowed.example", "rebinding.example", "own.example", "own.example:22"]

# Held by the rules alone: with a rule for it, each of them is let through by the same gateway.
OPENED_BY = {
    "internet": ["--allow", "5.6.0.9"], "internet-ipv6": ["--allow", "[2a0b:6::9]"], "internet-mapped": ["--allow", "5.6.0.9"],
    "address-spellings": ["--allow", "5.6.0.9"], "relay": ["--allow", "5.6.0.9"], "dns-over-https": ["--allow", "5.6.0.9"],
    "dns-over-tls": ["--allow", "5.6.0.9:853"], "unlisted-name": ["--allow", "unlisted.example"],
    "name-server": ["--allow", "unlisted.example"], "dns-labels": ["--allow", "*.unlisted.example"],
    "metadata": ["--allow-private", "169.254.169.254:80"], "lan": ["--allow-private", "10.0.0.1:80"],
    "unique-local": ["--allow-private", "[fd00:5::1]:80"], "rebinding": ["--allow-private", "rebinding.example"],
    "host-by-its-address": ["--allow-private", "own.example"],
}


class NetworkProbes(hydravisor.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.probes = {probe["id"]: probe for probe in json.loads(subprocess.check_output([PROBE, "--list", "--json"]))
                      if probe["category"] == "network"}
        cls.internet = internet = fake_internet.FakeInternet()
        cls.addClassCleanup(internet.close)
        internet.name("allowed.example", v4=["5.6.0.9"])
        internet.name("unlisted.example", v4=["5.6.0.9"])
        internet.name("73656372657431.data.unlisted.example", v4=["5.6.0.9"])
        internet.name("own.example", v4=["5.5.0.2"], v6=["2a0b:5::2"])
        for address in ("5.6.0.9", "2a0b:6::9"):
            internet.canary(address, ports=(80, 443, 853), datagrams=(443, 9, 123, 5353, 51820))
        for address in ("5.6.0.1", "10.0.0.1", "169.254.169.254", "fd00:5::1", "fe80::5:1"):
            internet.canary(address)
        for address in ("5.5.0.2", "2a0b:5::2"):
            internet.canary(address, ports=(22, 80), at_host=True)
        cls.port = internet.socket("127.0.0.1", 0, at_host=True).getsockname()[1]

    def setUp(self):
        super().setUp()
        self.world.preexec = self.internet.enter
        # Public at first, private ever after.
        self.internet.name("rebinding.example", v4=[["5.6.0.1"], ["10.0.0.1"]], ttl=0)

    def probe(self, *options, only=()):
        names = [word for name in only or self.probes for word in ("--only", name)]
        facts = ["--net-allowed", "allowed.example", "--net-unlisted", "unlisted.example", "--net-rebinding", "rebinding.example",
                 "--net-own-name", "own.example", "--net-unlisted-v4", "5.6.0.9", "--net-unlisted-v6", "2a0b:6::9",
                 "--net-name-server", fake_internet.NAME_SERVER, "--host-tcp", str(self.port)]
        result = self.run_in_sandbox(PROBE, "--json", *facts, *names, options=options)
        self.assertIn(result.returncode, (0, 1), result.stderr.decode(errors="replace"))
        return {entry["id"]: entry for entry in json.loads(result.stdout)}

    @staticmethod
    def other_than(results, status):
        return {name: f"{entry['status']}: {entry['detail']}" for name, entry in results.items() if entry["status"] != status}

    def allowed(self):
        return [word for host in LISTED for word in ("--allow", host)]

    def test_everything_holds_beside_a_gateway(self):
        before = len(self.internet.questions)
        results = self.probe(*self.allowed())
        through = {name: entry["detail"] for name, entry in results.items() if entry["status"] == "got_through"}
        self.assertEqual(through, {})
        untried = {name for name, entry in results.items() if entry["status"] == "not_applicable"}
        self.assertEqual(untried, {"http2-authority", "ssh-forwarding"})
        unlisted = [name for name, _ in self.internet.questions[before:] if "unlisted" in name]
        self.assertEqual(unlisted, [], "questions that left")
        # Each kind that the table names is in the ledger.
        held = {self.probes[name]["record"] for name, entry in results.items() if entry["status"] == "held"}
        self.assertEqual(held, {"network.denied", "network.dns", "socket"})
        for kind in held - {"socket"}:
            hydravisor.wait_for(lambda kind=kind: self.world.json("audit", "ls", "--kind", kind, "--limit", "5")["items"], 5, kind)

    def test_everything_holds_without_a_network_and_says_by_what(self):
        results = self.probe()
        self.assertEqual({name for name, entry in results.items() if entry["status"] == "got_through"}, set())
        for name, entry in results.items():
            if self.probes[name]["record"].startswith("network.") and entry["status"] != "not_applicable":
                self.assertEqual(entry["status"], "held_unrecorded", name)
                self.assertIn("the network namespace leads nowhere", entry["detail"], name)

    def test_everything_gets_through_without_the_layers_that_hold_it(self):
        for control in sorted({tuple(probe["control"]) for probe in self.probes.values() if probe["control"]}):
            names = [name for name, probe in self.probes.items() if tuple(probe["control"]) == control]
            with self.subTest(without=control):
                results = self.probe(*(word for layer in control for word in ("--skip-layer", layer)), only=names)
                self.assertEqual(self.other_than(results, "got_through"), {}, "held without its layers: the probe proves nothing")

    def test_the_gateway_lets_through_what_a_rule_opens(self):
        opened = [word for options in OPENED_BY.values() for word in options]
        results = self.probe(*self.allowed(), *opened, only=OPENED_BY)
        self.assertEqual(self.other_than(results, "got_through"), {}, "held in spite of its rule: another thing held it")


class NetworkProbesOfAnOrdinaryUser(NetworkProbes):
    """The same, rootless."""

    def setUp(self):
        try:
            user = pwd.getpwnam(run_as.TEST_USER)
        except KeyError:
            hydravisor.skip_or_fail(f"there is no user {run_as.TEST_USER}; tools/prepare-test-machine adds it")
        super().setUp()
        for folder, _, names in os.walk(self.world.top):
            for path in [folder, *(os.path.join(folder, name) for name in names)]:
                os.chown(path, user.pw_uid, user.pw_gid)

        def enter():
            self.internet.enter()
            run_as.become(user)
            os.chdir(self.world.project)
        self.world.preexec = enter


if __name__ == "__main__":
    hydravisor.main()
