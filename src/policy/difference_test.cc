#include "policy/difference.h"

#include <gtest/gtest.h>

#include "policy/catalog.h"

namespace hv::policy {
namespace {

std::string text(const std::vector<Difference>& all) {
  std::string out;
  for (const Difference& each : all) {
    out += each.effect == Difference::Effect::allows    ? "+ "
           : each.effect == Difference::Effect::denies  ? "- "
           : each.effect == Difference::Effect::records ? "r "
           : each.effect == Difference::Effect::omits   ? "o "
                                                        : "~ ";
    out += each.key + ": " + each.before + " -> " + each.after + "\n";
  }
  return out;
}

Policy read(const std::string& body) {
  return *parse("version = 1\n" + body, "p.toml");
}

TEST(Differences, SayWhetherMoreOrLessHappens) {
  Policy before = read(
      "[limits]\nmemory = \"1GiB\"\npids = 9\n[filesystem]\nread = [\"/srv/a\"]\nhide = [\".env\"]\n[network]\nallow = "
      "[\"a.test\"]\n");
  Policy after = read(
      "[limits]\nmemory = \"2GiB\"\nwall = \"1h\"\n[filesystem]\nworkspace = \"ro\"\nread = [\"/srv/b\"]\nhide = "
      "[\"*.pem\"]\n"
      "[network]\nallow = [\"a.test\"]\ndeny = [\"b.test\"]\n[environment]\nset = {A = \"1\"}\n");
  EXPECT_EQ(text(differences(before, after)),
            "+ limits.memory: \"1GiB\" -> \"2GiB\"\n"
            "+ limits.pids: 9 -> \n"
            "- limits.wall:  -> \"1h\"\n"
            "- filesystem.workspace: \"cow\" -> \"ro\"\n"
            "- filesystem.read: \"/srv/a\" -> \n"
            "+ filesystem.hide: \".env\" -> \n"
            "+ filesystem.read:  -> \"/srv/b\"\n"
            "- filesystem.hide:  -> \"*.pem\"\n"
            "- network.deny:  -> \"b.test\"\n"
            "~ environment.set:  -> A = \"1\"\n");
  EXPECT_TRUE(differences(before, before).empty());
}

TEST(Differences, SayWhetherMoreOrLessIsRecorded) {
  Policy before = read(
      "[audit]\nkeep_payloads = \"1d\"\narguments = \"program\"\nrequests = \"all\"\nredact_names = [\"ACME_*\"]\n");
  Policy after = read("[audit]\nkeep_payloads = \"2d\"\nfiles = \"none\"\nredact_patterns = [\"acme-[0-9]{8}\"]\n");
  EXPECT_EQ(text(differences(before, after)),
            "r audit.arguments: \"program\" -> \n"
            "o audit.files:  -> \"none\"\n"
            "r audit.keep_payloads: \"1d\" -> \"2d\"\n"
            "r audit.redact_names: \"ACME_*\" -> \n"
            "o audit.redact_patterns:  -> \"acme-[0-9]{8}\"\n");
}

TEST(Differences, AreTheSameBackwards) {
  Catalog catalog("/nonexistent");
  for (const std::string& a : shipped_policies().names())
    for (const std::string& b : shipped_policies().names())
      EXPECT_EQ(differences(*catalog.load(a), *catalog.load(b)).size(),
                differences(*catalog.load(b), *catalog.load(a)).size());
}

}  // namespace
}  // namespace hv::policy
