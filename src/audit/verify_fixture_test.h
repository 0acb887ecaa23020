// For the tests of verification: a ledger, and what somebody could do to its files.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "audit/ledger.h"
#include "audit/test_directory.h"
#include "audit/tile_tree.h"
#include "audit/verify.h"
#include "base/text.h"

namespace hv::audit {

using std::chrono_literals::operator""h;

struct Record {
  std::string envelope;
  std::string salt;
  std::string payload;
};

inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// A ledger of `count` sealed entries, and what a person with write access to its files could do to it.
class VerifyTest : public testing::Test {
 protected:
  Ledger::Options options() {
    Ledger::Options result;
    result.directory = directory.path();
    result.origin = "example.com/test";
    result.clock = &clock;
    result.seal_interval = 1h;
    result.key_period = 0h;
    return result;
  }
  std::unique_ptr<Ledger> open() {
    auto ledger = Ledger::open(options());
    EXPECT_TRUE(ledger) << ledger.error().text();
    return ledger ? *std::move(ledger) : nullptr;
  }
  void record(Ledger& ledger, int count) {
    for (int i = 0; i < count; ++i) {
      core::Event event;
      event.kind = "exec.started";
      event.sandbox = "s0123456789abcdef";
      event.origin = core::Origin{"s0123456789abcdef", ++sequence};
      event.payload = {{"argv", "command " + std::to_string(sequence)}};
      ASSERT_TRUE(ledger.record(event));
    }
  }
  void make(int count) { record(*open(), count); }

  Report report(const VerifyOptions& with = {}) {
    auto result = verify(directory.path(), with);
    EXPECT_TRUE(result) << result.error().text();
    return result ? *std::move(result) : Report{};
  }
  // The problems as "kind first-last", without their messages.
  std::vector<std::string> problems(const VerifyOptions& with = {}) {
    std::vector<std::string> result;
    for (const Problem& problem : report(with).problems) {
      std::string text(problem_name(problem.kind));
      if (problem.entries)
        text += " " + std::to_string(problem.entries->first) + "-" + std::to_string(problem.entries->last);
      result.push_back(text);
    }
    return result;
  }

  std::string segment() { return "journal/" + segment_name(0); }
  std::vector<Record> records() {
    Segment loaded = *Segment::load({0, directory.path() + "/" + segment()});
    std::vector<Record> result;
    for (uint64_t i = 0; i < loaded.count(); ++i) {
      Frame frame = loaded.frame(i);
      result.push_back({std::string(frame.envelope), std::string(frame.salt), std::string(frame.payload)});
    }
    return result;
  }
  // With right checksums: whoever alters a journal can compute them.
  void rewrite(const std::vector<Record>& with) {
    std::string bytes = directory.read(segment()).substr(0, kSegmentHeaderSize);
    for (const Record& record : with) bytes += encode_frame(record.envelope, record.salt, record.payload);
    directory.write(segment(), bytes);
  }
  // The tiles of these records, as the ledger would publish them, and their root.
  Digest republish(const std::vector<Record>& with) {
    TreeWriter tree(directory.path(), system_files());
    for (const Record& record : with) tree.append(record.envelope);
    EXPECT_TRUE(tree.publish());
    return tree.root();
  }

  TestDirectory directory;
  TestClock clock;
  uint64_t sequence = 0;
};

using Problems = std::vector<std::string>;

}  // namespace hv::audit
