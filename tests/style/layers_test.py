# as: self
"""The include layers hold, and tools/check_layers sees each way to break them."""

import os
import subprocess
import tempfile
import unittest

SOURCE = os.environ["HYDRAVISOR_SOURCE_DIR"]

GRAPH = """
hydravisor_module(base LIBS fmt)
hydravisor_module(policy DEPS base LIBS fmt tomlplusplus)
hydravisor_module(audit DEPS base)
hydravisor_program(hydravisord DIR daemon STATIC DEPS base audit)
"""


def check(files=None, graph=GRAPH):
    """The offences in a tree of these files, or in the real one."""
    command = [os.path.join(SOURCE, "tools", "check_layers")]
    with tempfile.TemporaryDirectory() as top:
        if files is not None:
            for name, text in {"CMakeLists.txt": graph, **files}.items():
                path = os.path.join(top, "src", name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            command.append(os.path.join(top, "src"))
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout


class Layers(unittest.TestCase):
    def test_hold_in_this_tree(self):
        self.assertEqual(check(), "")

    def test_allow_what_is_listed(self):
        self.assertEqual(check({
            "policy/rule.cc": '#include "policy/rule.h"\n#include "base/text.h"\n#include <fmt/core.h>\n#include <sys/stat.h>\n',
            "policy/rule.h": "#include <string>\n#include <toml++/toml.h>\n",
            "policy/rule_test.cc": "#include <gtest/gtest.h>\n",
            "daemon/main.cc": '#include "daemon/options.h"\n#include "audit/journal.h"\n'}), "")

    def test_refuse_what_is_not(self):
        for path, include, reason in [
                ("base/text.cc", '"policy/rule.h"', "base does not list policy in DEPS"),
                ("audit/journal.cc", '"policy/rule.h"', "audit does not list policy in DEPS"),
                ("audit/journal.cc", '"daemon/options.h"', "a program's directory"),
                ("audit/journal.cc", "<fmt/core.h>", "audit does not list fmt in LIBS"),
                ("base/json.cc", "<boost/json.hpp>", "base does not list boost_json in LIBS"),
                ("audit/store.cc", "<sqlite3.h>", "audit does not list sqlite in LIBS"),
                ("base/text.cc", '"text.h"', "included with their directory"),
                ("base/text.cc", '"nowhere/text.h"', "nowhere/ is no module"),
                ("base/text.cc", "<gtest/gtest.h>", "belong in _test.cc"),
                ("base/text.cc", "<spdlog/spdlog.h>", "no known library")]:
            with self.subTest(path=path, include=include):
                self.assertIn(reason, check({path: f"#include {include}\n"}))

    def test_refuse_peers_that_know_each_other_and_circles(self):
        self.assertIn("peers must not know each other: policy depends on audit",
                      check({}, "hydravisor_module(audit)\nhydravisor_module(policy DEPS audit)\n"))
        self.assertIn("depends on itself", check({}, "hydravisor_module(a DEPS b)\nhydravisor_module(b DEPS a)\n"))

    def test_refuse_a_directory_without_an_entry(self):
        self.assertIn("src/extra is not in src/CMakeLists.txt", check({"extra/thing.cc": ""}))


if __name__ == "__main__":
    unittest.main()
