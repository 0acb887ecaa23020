#include "network/client_hello.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "network/hello_sample_test.h"

namespace hv::network {
namespace {

using namespace std::string_view_literals;
using State = ClientHelloReader::State;

std::string full() {
  return sample::server_name("API.Example.org") + sample::extension(16, sample::vector16("\2h2\x08http/1.1")) +
         sample::extension(43, sample::vector8("\x0a\x0a\3\4\3\3")) + sample::extension(0xfe0d, "anything") +
         sample::extension(0x0a0a, "");
}

struct Reading {
  State state;
  std::string reason;
  ClientHello hello;
};

Reading read(std::string_view bytes, size_t step = 1 << 20) {
  ClientHelloReader reader;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size()))) reader.feed(bytes.substr(0, step));
  return {reader.state(), reader.reason(), reader.hello()};
}

TEST(ClientHello, TellsWhatThePolicyAsksFor) {
  Reading reading = read(sample::hello(full()));
  ASSERT_EQ(reading.state, State::hello) << reading.reason;
  EXPECT_EQ(reading.hello.server_name, "api.example.org");
  EXPECT_EQ(reading.hello.alpn, (std::vector<std::string>{"h2", "http/1.1"}));
  EXPECT_EQ(reading.hello.supported_versions, (std::vector<uint16_t>{0x0a0a, 0x0304, 0x0303}));
  EXPECT_EQ(reading.hello.legacy_version, 0x0303);
  EXPECT_TRUE(reading.hello.has_ech);
}

TEST(ClientHello, ReadsWhatOpenSslSends) {
  // Made by OpenSSL 3.0's client for files.example.org, with ALPN h2.
  constexpr std::string_view kHello =
      "1603010200010001fc03039e852e8352e3d9703221c23661779209411c8a4ee3cf2f25f137432bac4677a7207dbfc39bbd9e"
      "6df64bd183cbff3751ad4de7fc5a40121d1f247f6622850d5ab10024130213031301c02cc030c02bc02fcca9cca8c024c028"
      "c023c027009f009e006b006700ff0100018f00000016001400001166696c65732e6578616d706c652e6f7267000b00040300"
      "0102000a00160014001d0017001e001900180100010101020103010400230000001000050003026832001600000017000000"
      "0d002a0028040305030603080708080809080a080b080408050806040105010601030303010302040205020602002b000504"
      "03040303002d00020101003300260024001d00209e03b1b058f5dc9664b9867dfb88c24e9e6ad7d54115804e06599b9955bf"
      "6b0f001500d30000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "0000000000000000000000000000000000";
  std::string bytes = *base::from_hex(kHello);
  Reading reading = read(bytes);
  ASSERT_EQ(reading.state, State::hello) << reading.reason;
  EXPECT_EQ(reading.hello.server_name, "files.example.org");
  EXPECT_EQ(reading.hello.alpn, std::vector<std::string>{"h2"});
  EXPECT_EQ(reading.hello.supported_versions, (std::vector<uint16_t>{0x0304, 0x0303}));
  EXPECT_FALSE(reading.hello.has_ech);
}

TEST(ClientHello, NeedsMoreForEachBeginningAndNothingBehindIt) {
  std::string bytes = sample::hello(full());
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_EQ(read(bytes.substr(0, size)).state, State::need_more);
  EXPECT_EQ(read(bytes + "\x14\3\3").state, State::hello);
}

TEST(ClientHello, ReadsTheSameInAnyPiecesAndRecords) {
  std::string message = sample::message(sample::vector16(full()));
  ClientHello whole = read(sample::records(message)).hello;
  for (size_t record : {1, 2, 3, 5, 50, 150})
    for (size_t step : {1, 2, 3, 7, 100}) {
      Reading reading = read(sample::records(message, static_cast<size_t>(record)), static_cast<size_t>(step));
      ASSERT_EQ(reading.state, State::hello) << record << " " << step << " " << reading.reason;
      EXPECT_EQ(reading.hello, whole);
    }
}

TEST(ClientHello, DoesWithoutNameAndExtensions) {
  Reading reading = read(sample::records(sample::message("")));
  ASSERT_EQ(reading.state, State::hello) << reading.reason;
  EXPECT_FALSE(reading.hello.server_name);
  EXPECT_EQ(read(sample::hello("")).state, State::hello);
}

TEST(ClientHello, KnowsWhatIsNotTls) {
  for (std::string_view text : {"GET / HTTP/1.1"sv, "SSH-2.0-x"sv, "\0\0\0\x08\x04\xd2\x16\x2f"sv, "\x15\3\1"sv,
                                "\x16\2\0"sv, "\x16G"sv, "\x80\1\2\3"sv, "\xff\xff\xff\xff"sv})
    EXPECT_EQ(read(text).state, State::not_tls) << base::to_hex(text);
  EXPECT_EQ(read("\x16").state, State::need_more);
  EXPECT_EQ(read("\x80\x2e\1").state, State::need_more);
}

TEST(ClientHello, RefusesWhatTwoReadersCouldReadDifferently) {
  auto extensions = [](std::string_view text) { return sample::hello(text); };
  std::string name = sample::server_name("a.example");
  std::string two_names = sample::extension(0, sample::vector16("\0\0\1a\0\0\1b"sv));
  std::string message = sample::message(sample::vector16(full()));
  std::string cut = sample::message(sample::vector16(name).substr(0, 9));
  struct Row {
    std::string bytes;
    std::string_view reason;
  };
  const Row rows[] = {
      {"\x80\x2e\1\3\1", "of SSLv2"},
      {std::string("\x80\x2e\1\0\2"sv), "of SSLv2"},
      {extensions(name + name), "an extension that comes twice"},
      {extensions(two_names), "more than one server name"},
      {extensions(sample::server_name("")), "empty"},
      {extensions(sample::server_name("192.0.2.1")), "an address where a name belongs"},
      {extensions(sample::server_name("a b")), "a character that no host name has"},
      {extensions(sample::server_name("a.example\0.b"sv)), "a character that no host name has"},
      {extensions(sample::server_name("a.example:443")), "a character that no host name has"},
      {extensions(sample::extension(0, "")), "longer than what holds it"},
      {extensions(sample::extension(0, sample::vector16(""))), "longer than what holds it"},
      {extensions(sample::extension(0, sample::vector16("\1\0\1a"sv))), "a server name of unknown type"},
      {extensions(sample::extension(0, sample::vector16("\0\0\1a"sv) + "x")), "bytes behind the list of server names"},
      {extensions(sample::extension(16, sample::vector16(""))), "a list of protocols"},
      {extensions(sample::extension(16, sample::vector16("\0"sv))), "an empty protocol"},
      {extensions(sample::extension(43, sample::vector8(""))), "a list of versions"},
      {extensions(sample::extension(43, sample::vector8("\3"))), "longer than what holds it"},
      {extensions("\0"sv), "longer than what holds it"},
      {sample::records(sample::message(sample::vector16(name) + "x")), "bytes behind the extensions"},
      {sample::records(cut), "longer than what holds it"},
      {sample::records(sample::message("", "\2\0"sv)), "not a version of TLS"},
      {sample::records("\2" + message.substr(1)), "another message in its place"},
      {sample::records(message + "x"), "bytes behind it in its record"},
      {sample::records(message.substr(0, 60)) + sample::records(message.substr(60) + "x"),
       "bytes behind it in its record"},
      {sample::records(message.substr(0, 60)) + "\x17\3\3\0\1x", "another record before its end"},
      {sample::records(message.substr(0, 60)) + "\x16\2\3", "a record of an unknown version"},
      {std::string("\x16\3\1\0\0"sv), "an empty record"},
      {"\x16\3\1\x40\1", "a record longer than 16 KiB"},
      {sample::records("\1\1\0\0"sv), "longer than 64 KiB"},
  };
  for (const Row& row : rows) {
    Reading reading = read(row.bytes);
    EXPECT_EQ(reading.state, State::malformed) << row.reason;
    EXPECT_NE(reading.reason.find(row.reason), std::string::npos) << row.reason << " / " << reading.reason;
    EXPECT_EQ(read(row.bytes, 1).reason, reading.reason) << "byte by byte";
  }
}

TEST(ClientHello, RefusesWrongSizesOfItsOwnParts) {
  // At these places lie the lengths of session, ciphers and compression methods.
  std::string good = sample::message("");
  for (auto [at, value] :
       {std::pair<size_t, char>{4 + 34, 33}, {4 + 34 + 8 + 1, 3}, {4 + 34 + 8 + 1, 0}, {good.size() - 2, 0}}) {
    std::string bad = good;
    bad[at] = value;
    EXPECT_EQ(read(sample::records(bad)).state, State::malformed) << at;
  }
  EXPECT_EQ(read(sample::records(good)).state, State::hello);
}

TEST(ClientHello, HoldsAtMost64KiBHoweverItComes) {
  std::string message = std::string("\1\0\xff\0"sv) + std::string(0xff00, 'x');
  EXPECT_EQ(read(sample::records(message, 1 << 14)).reason.find("longer than 64 KiB"), std::string::npos);
  EXPECT_NE(read(sample::records(message, 100)).reason.find("longer than 64 KiB"), std::string::npos)
      << "the records' headers count";
}

}  // namespace
}  // namespace hv::network
