# as: root
# labels: functional slow
# timeout: 1800
"""The package and the archive: built twice with the same bytes, installed on a machine without the checkout, used, and removed without
a trace.
"""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

import debian_package
import hydravisor
from debian_package import checked

HERE = os.path.dirname(os.path.abspath(__file__))
USER = ("as_user() { setpriv --reuid hvtest --regid hvtest --init-groups env -i HOME=/home/hvtest USER=hvtest PATH=/usr/local/bin:/usr/bin:/bin "
        "LANG=C.UTF-8 XDG_CACHE_HOME=/opt/cache \"$@\"; }\n"
        # What was made or taken away since the beginning, but for what dpkg and man keep for themselves.
        "list() { (cd /opt/upper; find . \\( -path ./var/lib/dpkg -o -path ./var/log -o -path ./var/cache \\) -prune -o -print) | LC_ALL=C sort |"
        " while read -r path; do [ -d \"/opt/upper/$path\" ] && [ -d \"/opt/lower/$path\" ] || echo \"$path\"; done > \"$1\";"
        " find /run /tmp ! -name '*.log' | LC_ALL=C sort >> \"$1\"; }\n"
        "export PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive\n")
JOB = "as_user HYDRAVISOR_BUILD_DIR=/usr bash -c 'cd && exec /opt/checkout/quickstart' </dev/null\n"


class Package(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.top = tempfile.mkdtemp(prefix="hvp-")
        cls.addClassCleanup(shutil.rmtree, cls.top)
        package = debian_package.build()
        cls.packages, cls.deb, cls.archive = package.directory, package.deb, package.archive
        cls.build = os.path.join(hydravisor.SOURCE, "build/package")
        cls.env = debian_package.ENVIRONMENT
        pi = checked("bash", "-c", '. "$0"; printf %s "$pi_package"', os.path.join(hydravisor.SOURCE, "tools/lib/agents.sh"))
        checked(os.path.join(hydravisor.SOURCE, "tools/fetch-npm"), pi)

    def in_new_root(self, script):
        """The output of a script on a machine that has everything but this checkout."""
        path = os.path.join(self.top, "script")
        with open(path, "w", encoding="utf-8") as file:
            file.write(USER + script)
        work = tempfile.mkdtemp(dir=self.top)
        hidden = [hydravisor.SOURCE, hydravisor.BUILD]
        return checked("unshare", "--mount", "--pid", "--fork", os.path.join(HERE, "package/new_root.sh"), work, self.packages, hydravisor.SOURCE,
                       hydravisor.cache_dir(), path, *hidden, timeout=600)

    def test_runs_the_demonstration_for_an_ordinary_user_and_leaves_nothing_when_it_is_purged(self):
        output = self.in_new_root(f"""
            [ ! -e {hydravisor.SOURCE}/src ] || exit 99
            list /opt/before
            dpkg -i /opt/packages/*.deb
            {JOB}
            as_user hv doctor --json || true
            as_user bash -c 'source /usr/share/bash-completion/completions/hydravisor && complete -p hydravisor'
            MANWIDTH=80 man hv | grep -c COMMANDS
            # Root's own, which a purge takes along.
            hydravisor create --workspace none -- true >/dev/null
            hydravisor daemon stop
            [ -d /var/lib/hydravisor ]
            dpkg -P hydravisor
            list /opt/after
            diff /opt/before /opt/after
        """)
        for words in ("+hi", "hello.txt now says: hi", "all in /usr/lib/hydravisor", "complete -F _hydravisor hydravisor"):
            self.assertIn(words, output)

    def test_units_are_understood_by_systemd(self):
        output = self.in_new_root("""
            dpkg -i /opt/packages/*.deb >/dev/null
            for kind in user system; do
              for unit in socket service; do XDG_RUNTIME_DIR=/run systemd-analyze verify --man=no --$kind /usr/lib/systemd/$kind/hydravisord.$unit 2>&1; done
            done
        """)
        self.assertNotIn("hydravisord", output)

    def test_keeps_roots_record_when_it_is_removed_but_not_purged(self):
        self.in_new_root("""
            dpkg -i /opt/packages/*.deb
            hydravisor create --workspace none -- true
            hydravisor daemon stop
            dpkg -r hydravisor
            [ ! -e /usr/lib/hydravisor ] && [ -d /var/lib/hydravisor/ledger ]
        """)

    def test_brings_its_profile_where_apparmor_can_read_it_and_takes_it_along(self):
        self.in_new_root("""
            mkdir -p /etc/apparmor.d/abi
            dpkg -i /opt/packages/*.deb
            [ ! -e /etc/apparmor.d/hydravisor ]
            touch /etc/apparmor.d/abi/4.0
            dpkg -i /opt/packages/*.deb
            grep -q '^profile hydravisor-supervisor /usr/lib/hydravisor/hydravisor-supervisor' /etc/apparmor.d/hydravisor
            [ -x /usr/lib/hydravisor/hydravisor-supervisor ] && [ -x /usr/lib/hydravisor/hydravisord ]
            dpkg -r hydravisor
            [ ! -e /etc/apparmor.d/hydravisor ]
        """)

    def test_archive_installs_for_one_user_without_root_and_removes_exactly_that(self):
        output = self.in_new_root("""
            as_user mkdir -p /home/hvtest/.local/bin
            as_user bash -c 'echo mine > /home/hvtest/.local/bin/mine'
            list /opt/before; (cd /home && find . | LC_ALL=C sort) > /opt/home-before
            as_user bash -c 'cd /tmp && tar xzf /opt/packages/*.tar.gz && hydravisor-*/install.sh && hydravisor-*/install.sh && rm -r hydravisor-*'
            as_user grep ExecStart=/home/hvtest/.local/lib/hydravisor/hydravisord /home/hvtest/.local/share/systemd/user/hydravisord.service
            as_user HYDRAVISOR_BUILD_DIR=/home/hvtest/.local bash -c 'cd && exec /opt/checkout/quickstart' </dev/null
            as_user /home/hvtest/.local/lib/hydravisor/uninstall
            list /opt/after; (cd /home && find . | LC_ALL=C sort) > /opt/home-after
            diff /opt/before /opt/after; diff /opt/home-before /opt/home-after
        """)
        self.assertIn("hello.txt now says: hi", output)

    def test_archive_installs_for_everybody_and_removes_exactly_that(self):
        output = self.in_new_root("""
            list /opt/before
            cd /tmp && tar xzf /opt/packages/*.tar.gz && hydravisor-*/install.sh && rm -r hydravisor-*
            as_user hydravisor run --workspace none -- echo hello
            as_user hydravisor daemon stop
            grep /usr/local/lib/hydravisor/hydravisord /usr/local/share/hydravisor/apparmor/hydravisor
            rm -r /home/hvtest/.local
            /usr/local/lib/hydravisor/uninstall
            list /opt/after
            diff /opt/before /opt/after
        """)
        self.assertIn("\nhello\n", output)

    def test_a_build_elsewhere_gives_the_same_bytes(self):
        elsewhere = os.path.join(self.top, "a/deeper/place")
        shutil.copytree(hydravisor.SOURCE, elsewhere, symlinks=True,
                        ignore=lambda folder, names: {"build", ".git"} & set(names) if folder == hydravisor.SOURCE else {"__pycache__"})
        output = os.path.join(self.top, "again")
        checked(os.path.join(elsewhere, "packaging/build"), "--output", output, env=self.env)
        for name in sorted(os.listdir(self.packages)):
            with open(os.path.join(self.packages, name), "rb") as one, open(os.path.join(output, name), "rb") as other:
                self.assertTrue(one.read() == other.read(), name)
        # ccache may have compiled for both at once: here it has no say.
        name = "src/CMakeFiles/hv_audit.dir/audit/merkle.cc.o"
        objects = []
        for build in (self.build, os.path.join(elsewhere, "build/package")):
            os.unlink(os.path.join(build, name))
            checked("ninja", "-C", build, name, env={**self.env, "CCACHE_DISABLE": "1"})
            with open(os.path.join(build, name), "rb") as file:
                objects.append(file.read())
        self.assertTrue(objects[0] == objects[1])
        self.assertNotIn(self.top.encode(), objects[1])

    def test_lintian_finds_no_error(self):
        if shutil.which("lintian") is None:
            hydravisor.skip_or_fail("lintian is not installed")
        found = checked("lintian", "--fail-on", "none", "--allow-root", self.deb)
        self.assertEqual([line for line in found.splitlines() if line.startswith(("E:", "W:"))], [])

    def test_says_what_is_in_it(self):
        """CycloneDX 1.5: the fields that the specification demands, and what we know to be linked."""
        text = checked("bash", "-c", 'dpkg-deb --fsys-tarfile "$0" | tar -xO ./usr/share/doc/hydravisor/sbom.cdx.json', self.deb)
        bom = hydravisor.json.loads(text)
        self.assertEqual((bom["bomFormat"], bom["specVersion"], bom["version"]), ("CycloneDX", "1.5", 1))
        self.assertRegex(bom["serialNumber"], "^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        self.assertRegex(bom["metadata"]["timestamp"], "^2026-01-01T00:00:00Z$")
        components = [bom["metadata"]["component"], *bom["components"]]
        references = [component["bom-ref"] for component in components]
        self.assertEqual(len(set(references)), len(references))
        for component in components:
            with self.subTest(component=component["name"]):
                self.assertIn(component["type"], ("application", "library"))
                self.assertTrue(component["version"])
                self.assertRegex(component["purl"], "^pkg:(generic|deb/debian)/[^ @]+@[^ @]+$")
                self.assertTrue(component["licenses"])
                for entry in component["licenses"]:
                    self.assertEqual(len({"id", "name"} & set(entry["license"])) if "license" in entry else len(component["licenses"]), 1)
        for dependency in bom["dependencies"]:
            self.assertLessEqual({dependency["ref"], *dependency["dependsOn"]}, set(references))
        by_name = {component["name"]: component for component in components}
        for name, kind in [("libssl-dev", "static library"), ("libboost-json1.81-dev", "static library"), ("libc6-dev", "static library"),
                           ("libfmt-dev", "headers"), ("libtomlplusplus-dev", "headers"), ("libgit2-dev", "static library")]:
            self.assertEqual(by_name[name]["version"], checked("dpkg-query", "-W", "-f=${Version}", name))
            self.assertIn({"name": "hydravisor:used-as", "value": kind}, by_name[name]["properties"])
        for name in ("libstdc++-12-dev", "libgcc-12-dev"):
            self.assertEqual(by_name[name]["licenses"], [{"expression": "GPL-3.0-or-later WITH GCC-exception-3.1"}])
        # Nothing of what only tests use.
        self.assertFalse([name for name in by_name if re.search("gtest|gmock|python", name)])


if __name__ == "__main__":
    unittest.main(verbosity=2)
