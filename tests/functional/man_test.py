# as: user
"""The manual pages are there for every command, and two formatters of other hands render them without a warning."""

import os
import subprocess

import hydravisor


class Man(hydravisor.TestCase):
    def test_pages_are_rendered_without_a_warning(self):
        directory = self.world.directory("man/man1")
        self.world.ok("__man", directory, "2026-01-31")
        pages = sorted(os.listdir(directory))
        self.assertIn("hydravisor-audit-verify.1", pages)
        self.assertGreater(len(pages), 40)
        for page in pages:
            with self.subTest(page=page):
                for renderer in (["groff", "-s", "-ww", "-man", "-Tutf8", "-z"], ["mandoc", "-T", "lint", "-W", "warning"]):
                    result = subprocess.run([*renderer, f"man1/{page}"], cwd=os.path.dirname(directory), capture_output=True, text=True, check=False)
                    self.assertEqual((result.returncode, result.stdout + result.stderr), (0, ""), renderer)

    def test_pages_are_found_by_man_and_show_options_as_they_are_typed(self):
        directory = self.world.directory("man/man1")
        self.world.ok("__man", directory, "2026-01-31")
        for page in ("hydravisor-run", "hydravisor"):
            result = subprocess.run(["man", "-M", os.path.dirname(directory), page], env={**self.world.env, "MANWIDTH": "200", "PAGER": "cat"},
                                    capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn("hydravisor-run" if page == "hydravisor" else "--workspace MODE", result.stdout)

    def test_version_says_what_was_built_and_how(self):
        for words in (["--version"], ["version"]):
            version = self.world.json(*words)
            self.assertEqual(list(version), ["version", "commit", "compiler", "build_type"])
            self.assertRegex(version["commit"], "^([0-9a-f]{40}(-dirty)?|unknown)$")
            self.assertRegex(version["compiler"], "^Clang [0-9.]+$")
            self.assertEqual(self.world.ok(*words), f"hydravisor {version['version']}\n")


if __name__ == "__main__":
    hydravisor.main()
