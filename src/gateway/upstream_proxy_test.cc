#include "gateway/upstream_proxy.h"

#include <gtest/gtest.h>

namespace hv::gateway {
namespace {

core::Host host(const char* text) {
  return *core::parse_host(text);
}

TEST(ProxySettings, TakesTheVariableOfTheScheme) {
  auto settings = *ProxySettings::from_environment(
      {"http_proxy=http://web.example:3128", "HTTPS_PROXY=http://user:p%40ss@tls.example:8080/", "PATH=/bin"});
  EXPECT_EQ(settings.choose(host("a.example"), 80)->host.name, "web.example");
  const UpstreamProxy* tls = settings.choose(host("a.example"), 443);
  ASSERT_NE(tls, nullptr);
  EXPECT_EQ(tls->host.name, "tls.example");
  EXPECT_EQ(tls->port, 8080);
  EXPECT_EQ(tls->password, "p@ss");
}

TEST(ProxySettings, LowerCaseWinsAndAllStandsInForBoth) {
  auto settings =
      *ProxySettings::from_environment({"ALL_PROXY=socks5h://up.example", "all_proxy=socks5h://low.example:99"});
  EXPECT_EQ(settings.choose(host("a.example"), 443)->host.name, "low.example");
  EXPECT_EQ(settings.choose(host("a.example"), 22)->kind, UpstreamProxy::Kind::socks5);
  EXPECT_EQ(ProxySettings::from_environment({})->choose(host("a.example"), 443), nullptr);
}

TEST(ProxySettings, LeavesExceptionsDirect) {
  auto settings = *ProxySettings::from_environment(
      {"https_proxy=http://p.example:1", "no_proxy=corp.example, .lab.example,10.0.0.0/8,git.example:22"});
  for (const char* direct : {"corp.example", "a.corp.example", "b.lab.example", "10.1.2.3"})
    EXPECT_EQ(settings.choose(host(direct), 443), nullptr) << direct;
  for (const char* through : {"notcorp.example", "example.org", "11.0.0.1", "git.example"})
    EXPECT_NE(settings.choose(host(through), 443), nullptr) << through;
  EXPECT_EQ(settings.choose(host("git.example"), 22), nullptr);
}

TEST(ProxySettings, RefusesWhatCannotBeUsed) {
  for (const char* bad : {"https_proxy=https://p.example:1", "https_proxy=http://p.example:99999", "https_proxy=://"})
    EXPECT_FALSE(ProxySettings::from_environment({bad})) << bad;
}

TEST(ProxyHandshake, ConnectsThroughAnHttpProxyWithALogin) {
  UpstreamProxy proxy{UpstreamProxy::Kind::http, host("p.example"), 8080, "u", "p"};
  ProxyHandshake handshake(proxy, host("2001:db8::1"), 443);
  EXPECT_EQ(handshake.take_output(),
            "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\nProxy-Authorization: Basic dTpw\r\n\r\n");
  std::string answer = "HTTP/1.1 200 Connection established\r\n\r\n";
  EXPECT_EQ(handshake.feed(answer.substr(0, 10)), 10u);
  EXPECT_EQ(handshake.state(), ProxyHandshake::State::need_more);
  EXPECT_EQ(handshake.feed(answer.substr(10) + "hello"), answer.size() - 10);
  EXPECT_EQ(handshake.state(), ProxyHandshake::State::ready);
}

TEST(ProxyHandshake, AnHttpProxyThatRefusesIsAFailure) {
  ProxyHandshake handshake({UpstreamProxy::Kind::http, host("p.example"), 8080, "", ""}, host("a.example"), 443);
  handshake.feed("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(handshake.state(), ProxyHandshake::State::failed);
  EXPECT_NE(handshake.reason().find("407"), std::string::npos);
}

TEST(ProxyHandshake, SpeaksSocksWithALoginByteByByte) {
  ProxyHandshake handshake({UpstreamProxy::Kind::socks5, host("p.example"), 1080, "u", "pw"}, host("a.example"), 443);
  EXPECT_EQ(handshake.take_output(), std::string("\x05\x02\x00\x02", 4));
  for (char c : std::string("\x05\x02", 2)) handshake.feed({&c, 1});
  EXPECT_EQ(handshake.take_output(), std::string("\x01\x01u\x02pw"));
  for (char c : std::string("\x01\x00", 2)) handshake.feed({&c, 1});
  EXPECT_EQ(handshake.take_output(), std::string("\x05\x01\x00\x03\x09", 5) + "a.example" + std::string("\x01\xbb", 2));
  std::string answer("\x05\x00\x00\x01\x01\x02\x03\x04\x00\x50", 10);
  EXPECT_EQ(handshake.feed(answer + "ssh"), answer.size());
  EXPECT_EQ(handshake.state(), ProxyHandshake::State::ready);
}

}  // namespace
}  // namespace hv::gateway
