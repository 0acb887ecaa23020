#include "network/protocol_sniff.h"

#include <string>

#include <gtest/gtest.h>

namespace hv::network {
namespace {

using namespace std::string_view_literals;

TEST(ProtocolSniff, TellsProtocolsByTheirFirstBytes) {
  const std::pair<std::string, Protocol> rows[] = {
      {"", Protocol::need_more},
      {"\x16", Protocol::need_more},
      {"\x16\3", Protocol::tls},
      {"\x16\2", Protocol::other},
      {"\x80\x2e\1", Protocol::need_more},
      {"\x80\x2e\1\3\1", Protocol::tls},
      {"\x80\x2e\1\1", Protocol::other},
      {"SSH", Protocol::need_more},
      {"SSH-2.0-OpenSSH_9.2\r\n", Protocol::ssh},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Protocol::h2c},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n", Protocol::need_more},
      {"PRI * HTTP/2.0\r\nHost: a\r\n", Protocol::http1},
      {"GET / HTTP/1.1", Protocol::need_more},
      {"GET / HTTP/1.1\r\n", Protocol::http1},
      {"CONNECT a.example:443 HTTP/1.1\r\n", Protocol::http1},
      {"POST http://a.example/ HTTP/1.0\r\n", Protocol::http1},
      {"GET key\r\n", Protocol::other},
      {"*1\r\n$4\r\nPING\r\n", Protocol::other},
      {"PING\r\n", Protocol::other},
      {"EHLO a.example\r\n", Protocol::other},
      {std::string("\0\0\0\x08\x04\xd2\x16\x2f"sv), Protocol::other},
      {"\xff\xff\xff\xff", Protocol::other},
      {"{\"json\": 1}", Protocol::other},
      {std::string(40, 'a'), Protocol::other},
  };
  for (const auto& [text, protocol] : rows) EXPECT_EQ(protocol_name(sniff(text)), protocol_name(protocol)) << text;
}

// Each of these is a request to some server; were it "other", a rule for raw bytes would let it by.
TEST(ProtocolSniff, CallsWhatALenientServerTakesForHttpSo) {
  for (std::string_view text :
       {"get / http/1.1\r\n", "GET / HTTP/1.1\n", "\r\n\r\nGET / HTTP/1.1\r\n", " \tGET / HTTP/1.1\r\n",
        "GET  /  HTTP/1.1\r\n", "GET\t/\tHTTP/1.1\r\n", "GET / HTTP/9.9\r\n", "x-y!z / HTTP/1.1\r\n"})
    EXPECT_EQ(sniff(text), Protocol::http1) << text;
  EXPECT_EQ(sniff(std::string(65, '\n')), Protocol::http1);
  EXPECT_EQ(sniff("GET /" + std::string(3000, 'a')), Protocol::http1);
}

std::string git_packet(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  size_t length = text.size() + 4;
  return std::string{'0', '0', kDigits[length >> 4], kDigits[length & 15]} + std::string(text);
}

TEST(ProtocolSniff, KnowsAWholeGitRequestAndNothingThatAnHttpServerWouldTakeForOne) {
  EXPECT_EQ(git_packet("git-upload-pack /a\0"sv).substr(0, 8), "0017git-");
  EXPECT_TRUE(is_git_request(git_packet("git-upload-pack /a.git\0host=example\0"sv)));
  EXPECT_TRUE(is_git_request(git_packet("git-receive-pack /a.git\0"sv)));
  EXPECT_FALSE(is_git_request(git_packet("git-receive-pack /a.git\0"sv).substr(0, 20)));
  EXPECT_FALSE(is_git_request("+" + git_packet("git-receive-pack /a.git\0"sv).substr(1)));
  for (std::string_view text : {""sv, "git-upload-pack /a"sv, "git-upload-pack /a\n"sv, "GET / HTTP/1.1\r\n\0"sv,
                                "git-upload-pack / HTTP/1.1\r\nHost: other\0"sv, "git-upload-pack \0"sv})
    EXPECT_FALSE(is_git_request(git_packet(text))) << text;
  for (std::string_view text : {""sv, "0017"sv, "0000"sv, "0003git-upload-pack /a\0"sv})
    EXPECT_FALSE(is_git_request(text)) << text;
}

TEST(ProtocolSniff, StaysWithWhatItSaid) {
  const std::string texts[] = {"GET / HTTP/1.1\r\n\r\n",
                               "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nxx",
                               "SSH-2.0-x\r\n",
                               "\x16\3\1\2\3",
                               "EHLO a\r\nb",
                               "PRI * HTTP/2.0\r\nx HTTP/",
                               "\n\n  GET / HTTP/1.1\r\n",
                               "SSG / HTTP/1.1\r\n",
                               "\x80\x2e\1\3\1",
                               "\xff\xff\1\xff",
                               "GET " + std::string(3000, 'a') + "\r\n",
                               "GET " + std::string(3000, 'a') + " HTTP/1.1\r\n",
                               std::string(100, '\n') + "EHLO a\r\n"};
  for (const std::string& text : texts) {
    Protocol whole = sniff(text);
    EXPECT_NE(whole, Protocol::need_more);
    for (size_t size = 0; size < text.size(); ++size) {
      Protocol part = sniff(text.substr(0, size));
      EXPECT_TRUE(part == Protocol::need_more || part == whole) << text << " at " << size;
    }
  }
}

}  // namespace
}  // namespace hv::network
