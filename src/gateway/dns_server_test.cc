#include "gateway/dns_server.h"

#include <chrono>
#include <cstdio>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "core/egress_text.h"

namespace hv::gateway {
namespace {

struct NoRecords : Recorder {
  void opened(uint64_t, const core::Flow&) override {}
  void before(const core::NetworkEvent&, std::function<void()>) override {}
  void told(const core::NetworkEvent&) override {}
  void when_heard(std::function<void()>) override {}
};

struct World {
  base::EventLoop loop = *base::EventLoop::create();
  RateBound rate{loop};
  NoRecords recorder;
  Resolver resolver{loop, {}};
  std::unique_ptr<Surroundings> around;

  World() {
    core::EgressPolicy policy;
    for (const char* rule : {"example.org", "*.below.example", "ask.example"})
      policy.rules.push_back(*core::parse_rule(rule));
    policy.rules.back().verdict = core::Verdict::ask;
    network::AddressMap::Options options;
    options.sandbox_id = "s0123456789abcdef";
    base::Fd log(::memfd_create("test", MFD_CLOEXEC));
    around.reset(new Surroundings{loop,
                                  rate,
                                  recorder,
                                  resolver,
                                  "web",
                                  std::move(policy),
                                  *network::AddressMap::open(std::move(log), options, [] { return uint64_t{1}; }),
                                  {},
                                  {},
                                  Folder([](const core::NetworkEvent&) {})});
  }
  DnsVerdict ask(const std::string& name, network::DnsType type = network::DnsType::a, bool v6 = true) {
    network::DnsQuery query;
    query.name = *network::DnsName::from_text(name);
    query.type = type;
    return answer_query(*around, query, v6);
  }
  std::string text(const std::string& name, network::DnsType type = network::DnsType::a, bool v6 = true) {
    DnsVerdict verdict = ask(name, type, v6);
    if (verdict.answer.code == network::DnsCode::name_error) return "no such name";
    if (verdict.answer.code != network::DnsCode::no_error) return "error";
    if (verdict.answer.records.empty()) return "none";
    const network::DnsData& data = verdict.answer.records[0];
    if (const auto* v4 = std::get_if<network::Ipv4Bytes>(&data))
      return core::IpAddress::from_v4(uint32_t{(*v4)[0]} << 24 | uint32_t{(*v4)[1]} << 16 | uint32_t{(*v4)[2]} << 8 |
                                      (*v4)[3])
          .text();
    if (const auto* ipv6 = std::get_if<network::Ipv6Bytes>(&data)) return core::IpAddress::from_v6(*ipv6).text();
    return std::get<network::DnsName>(data).text();
  }
};

TEST(DnsServer, AnAllowedNameHasAnAddressOfTheSandboxsOwn) {
  World world;
  std::string v4 = world.text("example.org");
  EXPECT_TRUE(v4.starts_with("198.18.")) << v4;
  EXPECT_EQ(world.text("EXAMPLE.org."), v4) << "names are one whatever their case";
  EXPECT_TRUE(world.text("example.org", network::DnsType::aaaa).starts_with("fd"));
  EXPECT_EQ(world.text("example.org", network::DnsType::aaaa, false), "none") << "where the host has no IPv6";
  EXPECT_TRUE(world.text("a.b.below.example").starts_with("198.18."));
}

TEST(DnsServer, OtherTypesOfAnAllowedNameAreEmptyAndNotAbsent) {
  World world;
  for (auto type : {network::DnsType::https, network::DnsType::svcb, network::DnsType::mx, network::DnsType::txt})
    EXPECT_EQ(world.text("example.org", type), "none");
}

TEST(DnsServer, AnyOtherNameDoesNotExist) {
  World world;
  for (const char* name :
       {"evil.example", "sub.example.org", "notbelow.example", "198.18.0.1", "c2VjcmV0.evil.example"})
    EXPECT_EQ(world.text(name), "no such name") << name;
  DnsVerdict verdict = world.ask("evil.example");
  EXPECT_EQ(verdict.event.verdict, core::Verdict::deny);
  EXPECT_EQ(verdict.event.name, "evil.example");
  EXPECT_EQ(verdict.event.protocol, "A");
}

TEST(DnsServer, WhatAnAllowedNameLiesBelowExistsWithoutAnAddress) {
  World world;
  for (const char* name : {"below.example", "example", "org", "."}) {
    EXPECT_EQ(world.text(name), "none") << name;
    EXPECT_EQ(world.ask(name).event.verdict, core::Verdict::deny) << name;
  }
}

TEST(DnsServer, ANameToBeAskedForHasAnAddress) {
  World world;
  EXPECT_TRUE(world.text("ask.example").starts_with("198.18."));
  EXPECT_EQ(world.ask("ask.example").event.verdict, core::Verdict::ask);
}

TEST(DnsServer, LocalNamesAreTheSandboxItself) {
  World world;
  for (const char* name : {"localhost", "app.localhost", "web", "host.hydravisor"}) {
    EXPECT_EQ(world.text(name), "127.0.0.1") << name;
    EXPECT_EQ(world.text(name, network::DnsType::aaaa), "::1") << name;
  }
  EXPECT_EQ(world.text("notlocalhost"), "no such name");
}

TEST(DnsServer, AddressesLeadBackToTheirNames) {
  World world;
  std::string v4 = world.text("example.org");
  auto parts = base::Result<core::IpAddress>(core::parse_address(v4))->bytes;
  std::string reverse = std::to_string(parts[3]) + "." + std::to_string(parts[2]) + "." + std::to_string(parts[1]) +
                        "." + std::to_string(parts[0]) + ".in-addr.arpa";
  EXPECT_EQ(world.text(reverse, network::DnsType::ptr), "example.org");
  EXPECT_EQ(world.text("1.0.0.127.in-addr.arpa", network::DnsType::ptr), "localhost");
  EXPECT_EQ(world.text("8.8.8.8.in-addr.arpa", network::DnsType::ptr), "no such name");
}

TEST(DnsServer, AnswersInMicroseconds) {
  World world;
  network::DnsQuery query;
  query.name = *network::DnsName::from_text("example.org");
  constexpr int kRounds = 2000;
  auto before = std::chrono::steady_clock::now();
  size_t bytes = 0;
  for (int i = 0; i < kRounds; ++i)
    bytes += network::write_answer(query, answer_query(*world.around, query, true).answer, network::DnsTransport::udp)
                 .size();
  auto each = (std::chrono::steady_clock::now() - before) / kRounds;
  EXPECT_GT(bytes, 0u);
  // Far above what it takes, below what is promised.
  EXPECT_LT(each, std::chrono::microseconds(100));
}

}  // namespace
}  // namespace hv::gateway
