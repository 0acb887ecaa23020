#include "cli/record_file.h"

#include <cstdio>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/fd.h"

namespace hv::cli {
namespace {

constexpr std::string_view kRecord =
    R"({"index":3,"time":"2026-11-25T18:13:42.404106556Z","monotonic_ns":7,"kind":"exec.started","sandbox":"s9dqdf93c9pynevr5","principal":"agent:s9dqdf93c9pynevr5","trust":"claimed","risk":"info","payload":{"path":"/usr/bin/id"},"durability":"sealed","leaf_hash":"00","redacted":false})";
constexpr std::string_view kHeader = R"({"bundle":"hydravisor-bundle-1","checkpoint":"x","keys":[]})";
constexpr std::string_view kEntry =
    R"({"envelope":"{\"v\":1,\"index\":3,\"time\":\"2026-11-25T18:13:42.404106556Z\",\"monotonic\":7,\"kind\":\"exec.started\",\"sandbox\":\"s9dqdf93c9pynevr5\",\"principal\":\"agent:s9dqdf93c9pynevr5\",\"trust\":\"claimed\",\"risk\":\"info\",\"origin\":null,\"payload_sha256\":\"00\",\"payload_size\":22}","salt":"00","payload":"{\"path\":\"/usr/bin/id\"}","proof":[]})";

// The tests run beside each other.
std::string own_path() {
  return testing::TempDir() + "hv-records-" + std::to_string(::getpid());
}

std::string file_of(const std::string& text) {
  std::string path = own_path();
  EXPECT_TRUE(base::replace_file(path, text));
  return path;
}

// "3 exec.started ..." for each record, and the error that ends them.
std::string read(const std::string& text) {
  std::string all;
  std::string path = file_of(text);
  auto file = RecordFile::open(path);
  // What is open stays readable.
  ::unlink(path.c_str());
  if (!file) return file.error().message();
  while (true) {
    auto record = file->next();
    if (!record) return all + record.error().message();
    if (!*record) return all;
    all += std::to_string((*record)->index) + " " + (*record)->event.kind + " " + (*record)->event.sandbox + " " +
           base::json::serialize((*record)->event.payload) + ((*record)->redacted ? " redacted" : "") + "\n";
  }
}

TEST(RecordFile, ReadsBothFormsAlike) {
  std::string expected = "3 exec.started s9dqdf93c9pynevr5 {\"path\":\"/usr/bin/id\"}\n";
  EXPECT_EQ(read(std::string(kRecord) + "\n" + std::string(kRecord)), expected + expected);
  EXPECT_EQ(read(std::string(kHeader) + "\n" + std::string(kEntry) + "\n{\"entries\":1}\n"), expected);
  EXPECT_EQ(read(""), "");
}

TEST(RecordFile, KnowsAPayloadThatWasDeleted) {
  std::string entry(kEntry);
  size_t at = entry.find(",\"salt\"");
  entry.erase(at, entry.find(",\"proof\"") - at);
  EXPECT_EQ(read(std::string(kHeader) + "\n" + entry + "\n"), "3 exec.started s9dqdf93c9pynevr5 {} redacted\n");
}

TEST(RecordFile, NamesTheLineThatIsNone) {
  std::string path = own_path();
  EXPECT_EQ(read(std::string(kRecord) + "\nnothing\n").find("3 exec.started"), 0u);
  EXPECT_NE(read(std::string(kRecord) + "\nnothing\n").find(path + ":2: not a record: "), std::string::npos);
  EXPECT_NE(read("{}\n").find(path + ":1: not a record: "), std::string::npos);
  EXPECT_NE(read(std::string(kHeader) + "\n{\"envelope\":\"{}\"}\n").find(path + ":2: not a record: "),
            std::string::npos);
  EXPECT_NE(read(std::string(size_t{2} << 20, 'x')).find("the line does not end"), std::string::npos);
  EXPECT_NE(RecordFile::open("/nonexistent/x").error().message().find("/nonexistent/x"), std::string::npos);
}

}  // namespace
}  // namespace hv::cli
