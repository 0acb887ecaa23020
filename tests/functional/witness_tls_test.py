# as: user
# timeout: 300
"""A witness behind https://: who it is comes from its certificate, and nothing is sent to who it is not."""

import os
import socket
import ssl
import subprocess

import hydravisor
from witness import Witness

AUTHORITY = """
[ca]
default_ca = own
[own]
new_certs_dir = {top}
database = {top}/index
serial = {top}/serial
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""


class Authority:
    """Certificates made by openssl, in a directory of their own."""

    def __init__(self, top):
        self.top = top
        os.makedirs(top)
        for name, text in (("config", AUTHORITY.format(top=top)), ("index", ""), ("serial", "01\n")):
            with open(os.path.join(top, name), "w", encoding="utf-8") as file:
                file.write(text)
        self.certificate = self.path("authority.pem")
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=Test authority",
                      "-keyout", self.path("authority.key"), "-out", self.certificate)

    def path(self, name):
        return os.path.join(self.top, name)

    @staticmethod
    def _openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60)

    def issue(self, name, subject, start="", end=""):
        """(certificate, key) for `subject`, such as DNS:localhost."""
        key, request, certificate = (self.path(name + suffix) for suffix in (".key", ".request", ".pem"))
        self._openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-addext", f"subjectAltName={subject}",
                      "-keyout", key, "-out", request)
        dates = ["-startdate", start, "-enddate", end] if start else ["-days", "30"]
        self._openssl("ca", "-batch", "-notext", "-config", self.path("config"), "-cert", self.certificate,
                      "-keyfile", self.path("authority.key"), *dates, "-in", request, "-out", certificate)
        return certificate, key


class WitnessByTls(hydravisor.TestCase):
    def setUp(self):
        super().setUp()
        self.authority = Authority(os.path.join(self.world.top, "authority"))
        self.run_in_sandbox("true")
        self.world.ok("audit", "verify")

    def witness(self, files, **more):
        witness = Witness(tls=self.context(files, **more))
        self.addCleanup(witness.close)
        first = self.world.json("audit", "verify")["first_key"]
        witness.trust[first.split("+")[0]] = [first]
        return witness

    @staticmethod
    def context(files, newest=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        if newest is not None:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = newest
        return context

    def ask(self, witness, *options, host="localhost"):
        url = f"https://{host}:{witness.server_port}/some/prefix"
        return self.world.cli("audit", "witness", url, "--key", witness.vkey(), *options)

    def assert_not_believed(self, witness, result, *words):
        self.assert_refused(result, *words)
        self.assertEqual(witness.answers, [], "something was sent to it")
        self.assertFalse(os.path.exists(os.path.join(self.world.state, "hydravisor", "witnesses", "checkpoint")))

    def test_the_right_one_cosigns(self):
        witness = self.witness(self.authority.issue("right", "DNS:localhost"))
        first = self.ask(witness, "--ca", self.authority.certificate, "--json")
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertEqual(witness.answers, [200])
        url = f"https://localhost:{witness.server_port}/some/prefix"
        self.run_in_sandbox("true")
        self.world.ok("audit", "verify")
        second = self.world.json("audit", "witness", url, "--ca", self.authority.certificate)
        self.assertGreater(second["size"], second["before"])
        self.assertTrue(self.world.json("audit", "verify", "--witness", url)["intact"])

    def test_an_address_in_the_certificate_does_as_well(self):
        witness = self.witness(self.authority.issue("address", "IP:127.0.0.1"))
        self.assertEqual(self.ask(witness, "--ca", self.authority.certificate, host="127.0.0.1").returncode, 0)
        self.assert_refused(self.ask(witness, "--ca", self.authority.certificate), "localhost", "ostname mismatch", "another host")
        self.assertEqual(witness.answers, [200])

    def test_another_host_is_refused(self):
        witness = self.witness(self.authority.issue("other", "DNS:witness.example"))
        self.assert_not_believed(witness, self.ask(witness, "--ca", self.authority.certificate), "ostname mismatch", "another host")

    def test_an_expired_certificate_is_refused(self):
        files = self.authority.issue("old", "DNS:localhost", "20200101000000Z", "20200201000000Z")
        witness = self.witness(files)
        self.assert_not_believed(witness, self.ask(witness, "--ca", self.authority.certificate), "expired")

    def test_an_authority_that_nobody_named_is_refused(self):
        witness = self.witness(self.authority.issue("right", "DNS:localhost"))
        self.assert_not_believed(witness, self.ask(witness), "certificate", "--ca")
        stranger = Authority(os.path.join(self.world.top, "stranger"))
        self.assert_not_believed(witness, self.ask(witness, "--ca", stranger.certificate), "certificate", "--ca")
        self.assert_refused(self.ask(witness, "--ca", "/dev/null"), "/dev/null", "PEM")

    def test_an_old_protocol_is_refused(self):
        witness = self.witness(self.authority.issue("right", "DNS:localhost"), newest=ssl.TLSVersion.TLSv1_1)
        self.assert_not_believed(witness, self.ask(witness, "--ca", self.authority.certificate), "protocol version")

    def test_a_server_without_tls_is_told(self):
        witness = Witness()
        self.addCleanup(witness.close)
        self.assert_not_believed(witness, self.ask(witness), "does not speak TLS", "http://")

    def test_a_server_that_says_nothing_is_not_waited_for_for_ever(self):
        stranger = Witness()
        self.addCleanup(stranger.close)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            url = f"https://127.0.0.1:{listener.getsockname()[1]}"
            self.assert_refused(self.world.cli("audit", "witness", url, "--key", stranger.vkey(), timeout=60), "does not answer")


if __name__ == "__main__":
    hydravisor.main()
