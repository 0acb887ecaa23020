#include "audit/bundle.h"

#include <gtest/gtest.h>

#include "audit/ledger_fixture_test.h"

namespace hv::audit {
namespace {

class BundleTest : public LedgerTest {
 protected:
  BundleTest() {
    ledger_ = open();
    for (uint64_t i = 0; i < 40; ++i) {
      if (!ledger_->record(event_of("a.b", {{"number", i}, {"text", "\"q\" \u00fc"}}))) ADD_FAILURE();
      if (i == 10 || i == 20)
        if (!ledger_->rotate()) ADD_FAILURE();
    }
    if (!ledger_->seal()) ADD_FAILURE();
    remembered_ = directory.read("checkpoint");
    for (uint64_t i = 0; i < 5; ++i)
      if (!ledger_->record(event_of("c.d", {{"number", i}}))) ADD_FAILURE();
    if (!ledger_->delete_payloads(3, 3, "user:0", "test") || !ledger_->seal()) ADD_FAILURE();
  }
  std::vector<std::string> bundle(uint64_t from, uint64_t to, const std::optional<std::string>& remembered = {}) {
    auto writer = BundleWriter::begin(directory.path(), remembered);
    EXPECT_TRUE(writer) << writer.error().text();
    if (!writer) return {};
    std::vector<std::string> lines{writer->header()};
    Reader reader(directory.path());
    for (uint64_t index = from; index < to; ++index) {
      auto entry = reader.at(index);
      auto line = writer->line(*entry);
      EXPECT_TRUE(line) << line.error().text();
      lines.push_back(line.value_or(""));
    }
    lines.push_back(writer->end());
    return lines;
  }
  Report check(const std::vector<std::string>& lines, std::optional<VerifierKey> key = {}) {
    std::string text;
    for (const std::string& line : lines) text += line;
    EXPECT_TRUE(base::replace_file(directory.path() + "/bundle", text));
    auto report = check_bundle(directory.path() + "/bundle", key);
    EXPECT_TRUE(report) << report.error().text();
    return report ? *report : Report{};
  }
  static std::string replaced(std::string text, std::string_view from, std::string_view to) {
    size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << text;
    return text.replace(at, from.size(), to);
  }
  std::unique_ptr<Ledger> ledger_;
  std::string remembered_;
};

TEST_F(BundleTest, HoldsWithItsFirstKeyAlone) {
  auto key = read_first_key(directory.path());
  Report report = check(bundle(0, 40, remembered_), *key);
  EXPECT_TRUE(report.intact()) << report.problems[0].message;
  EXPECT_EQ(report.entries, 40u);
  EXPECT_EQ(report.keys.size(), 3u);
  ASSERT_EQ(report.deleted_payloads.size(), 1u);
  EXPECT_EQ(report.deleted_payloads[0].first, 3u);
  EXPECT_TRUE(check(bundle(7, 8)).intact());
  EXPECT_TRUE(check(bundle(0, 0)).intact());
}

TEST_F(BundleTest, FailsForAnyOtherKey) {
  auto other = base::SigningKey::generate();
  VerifierKey stranger = VerifierKey::of(read_first_key(directory.path())->name, *other);
  EXPECT_FALSE(check(bundle(0, 5), stranger).intact());
}

TEST_F(BundleTest, FailsWhenAnythingInItWasChanged) {
  std::vector<std::string> whole = bundle(0, 10, remembered_);
  ASSERT_TRUE(check(whole).intact());
  auto fails = [&](std::vector<std::string> lines) { return !check(lines).intact(); };
  auto changed = [&](size_t line, std::string_view from, std::string_view to) {
    std::vector<std::string> lines = whole;
    lines[line] = replaced(lines[line], from, to);
    return lines;
  };
  EXPECT_TRUE(fails(changed(6, "a.b", "a.c"))) << "an envelope";
  EXPECT_TRUE(fails(changed(6, "number\\\":5", "number\\\":6"))) << "a payload";
  EXPECT_TRUE(fails(changed(6, "\"salt\":\"", "\"salt\":\"00"))) << "a salt";
  EXPECT_TRUE(fails(changed(0, R"(\n48\n)", R"(\n49\n)"))) << "the checkpoint";
  EXPECT_TRUE(fails(changed(0, R"(\n42\n)", R"(\n41\n)"))) << "the checkpoint from before";
  std::vector<std::string> lines = whole;
  std::swap(lines[3], lines[4]);
  EXPECT_TRUE(fails(lines)) << "the order";
  lines = whole;
  lines.erase(lines.begin() + 3);
  EXPECT_TRUE(fails(lines)) << "one left out";
  lines = whole;
  lines.pop_back();
  EXPECT_TRUE(fails(lines)) << "its end";
  lines = whole;
  lines.push_back(lines[3]);
  EXPECT_TRUE(fails(lines)) << "something behind its end";
  EXPECT_TRUE(fails({whole[0].substr(0, 100)}));
  EXPECT_TRUE(fails({}));
  EXPECT_TRUE(fails({"{}\n"}));
}

TEST_F(BundleTest, DoesNotProveThatAnotherPastIsContinued) {
  TestDirectory elsewhere;
  Ledger::Options with = options();
  with.directory = elsewhere.path();
  auto other = open(with);
  ASSERT_TRUE(other->record(event_of("x.y")) && other->seal());
  auto writer = BundleWriter::begin(directory.path(), elsewhere.read("checkpoint"));
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code(), base::ErrorCode::conflict);
  // And a proof that somebody put beside the wrong checkpoint does not hold.
  std::vector<std::string> lines = bundle(0, 2, remembered_);
  std::string note = base::json::serialize(base::json::Value(remembered_));
  std::string wrong = base::json::serialize(base::json::Value(elsewhere.read("checkpoint")));
  lines[0] = replaced(lines[0], "\"continues\":{\"checkpoint\":" + note, "\"continues\":{\"checkpoint\":" + wrong);
  EXPECT_FALSE(check(lines).intact());
}

}  // namespace
}  // namespace hv::audit
