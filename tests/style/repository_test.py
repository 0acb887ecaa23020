# as: self
"""What this repository promises of itself: file sizes and heads, the changelog's shape, links that lead somewhere, words that stay out."""

import os
import re
import subprocess
import unittest

SOURCE = os.environ["HYDRAVISOR_SOURCE_DIR"]
LONGEST_SOURCE = 700

# Names of machines and services that mean nothing to a reader elsewhere. Split, so that this file does not offend against itself.
FORBIDDEN = [re.compile(word) for word in [r"(?<![\w-])/wor" r"k/", r"/ro" r"ot/\.", r"registry\.npm" r"js", r"\bfarm" r"-\w", r"\bC" r"laude [0-9]", r"TO" r"DO\b", r"FIX" r"ME\b",
                                              # Hosts of package registries: which one a tool uses is its user's to say.
                                              r"npm" r"js\.(com|org)", r"yarn" r"pkg\.com", r"\bpy" r"pi\.(org|python)", r"python" r"hosted\.",
                                              r"\bcrates" r"\.io\b", r"\b(proxy|sum)\.go" r"lang\.(org|google)", r"\bgo" r"proxy\.(io|cn)",
                                              r"ruby" r"gems\.org", r"\b(deb|security|ftp\S*|snapshot)\.deb" r"ian\.org"]]
BINARY = (".png", ".jpg", ".gz", ".zst", ".bin", ".cast")


def tracked_files():
    """Files that are, or are about to be, in the repository. A tree without git is walked."""
    listed = subprocess.run(["git", "-c", "safe.directory=*", "-C", SOURCE, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, check=False)
    if listed.returncode == 0:
        return [name for name in listed.stdout.decode().split("\0") if name and os.path.isfile(os.path.join(SOURCE, name))]
    return [os.path.relpath(os.path.join(folder, name), SOURCE) for folder, _, names in os.walk(SOURCE) for name in names
            if "/.git" not in folder and "/build/" not in folder]


def read(name):
    with open(os.path.join(SOURCE, name), encoding="utf-8") as file:
        return file.read()


class Sources(unittest.TestCase):
    def files(self, *suffixes):
        return [name for name in tracked_files() if name.startswith(("src/", "fuzz/")) and name.endswith(suffixes)]

    def test_are_short(self):
        sizes = {name: read(name).count("\n") for name in self.files(".h", ".cc", ".c")}
        self.assertEqual({name: lines for name, lines in sizes.items() if lines > LONGEST_SOURCE}, {})

    def test_say_at_their_head_what_they_are(self):
        self.assertEqual([name for name in self.files(".h") if not read(name).startswith("// ")], [])

    def test_are_included_once(self):
        self.assertEqual([name for name in self.files(".h") if "\n#pragma once\n" not in read(name)], [])


class Documents(unittest.TestCase):
    def test_have_links_that_lead_somewhere(self):
        dead = []
        for name in tracked_files():
            if not name.endswith(".md"):
                continue
            text = re.sub(r"```.*?```", "", read(name), flags=re.DOTALL)
            for target in re.findall(r"\]\(([^)\s]+)\)", text):
                path = target.split("#")[0]
                if not path or re.match(r"[a-z]+:", path):
                    continue
                if not os.path.exists(os.path.join(SOURCE, os.path.dirname(name), path)):
                    dead.append(f"{name}: {target}")
        self.assertEqual(dead, [])

    def test_hold_no_words_of_one_machine(self):
        found = []
        for name in tracked_files():
            if name.endswith(BINARY) or name == "LICENSE" or "/corpus/" in name:
                continue
            try:
                lines = read(name).splitlines()
            except UnicodeDecodeError:
                continue
            found += [f"{name}:{number}: {line.strip()[:100]}" for number, line in enumerate(lines, 1)
                      if any(word.search(line) for word in FORBIDDEN)]
        self.assertEqual(found, [])


class Changelog(unittest.TestCase):
    def test_keeps_the_shape_of_keep_a_changelog(self):
        lines = read("CHANGELOG.md").splitlines()
        self.assertEqual(lines[0], "# Changelog")
        releases = [line for line in lines if line.startswith("## ")]
        self.assertEqual(releases[0], "## [Unreleased]")
        for line in releases[1:]:
            self.assertRegex(line, r"^## \[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}$")
        for line in lines:
            if line.startswith("### "):
                self.assertIn(line[4:], ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"])

    def test_names_only_releases_up_to_the_present_version(self):
        version = re.search(r"project\(hydravisor VERSION ([\d.]+)", read("CMakeLists.txt"))[1]
        self.assertIn(f'kVersion = "{version}"', read("src/base/version.h"))


if __name__ == "__main__":
    unittest.main()
