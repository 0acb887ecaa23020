#include "gateway/resolver_config.h"

#include <gtest/gtest.h>

namespace hv::gateway {
namespace {

TEST(ResolverConfig, ReadsServersSearchAndOptions) {
  ResolverConfig config = parse_resolv_conf(
      "# made by hand\nnameserver 192.0.2.1\nnameserver\t2001:db8::1\nnameserver nonsense\n"
      "domain old.example\nsearch corp.example. lab.example\noptions ndots:2 timeout:1 attempts:9 rotate\n");
  ASSERT_EQ(config.servers.size(), 2u);
  EXPECT_EQ(config.servers[0].address.text(), "192.0.2.1");
  EXPECT_EQ(config.servers[1].address.text(), "2001:db8::1");
  EXPECT_EQ(config.search, (std::vector<std::string>{"corp.example", "lab.example"}));
  EXPECT_EQ(config.ndots, 2);
  EXPECT_EQ(config.timeout, std::chrono::seconds(1));
  EXPECT_EQ(config.attempts, 5);
}

TEST(ResolverConfig, WithoutAServerAsksTheHostItself) {
  ASSERT_EQ(parse_resolv_conf("").servers.size(), 1u);
  EXPECT_EQ(parse_resolv_conf("").servers[0].address.text(), "127.0.0.1");
}

TEST(ResolverConfig, TriesANameWithDotsAsItIsFirst) {
  ResolverConfig config = parse_resolv_conf("search corp.example\n");
  EXPECT_EQ(config.candidates("git.lab"), (std::vector<std::string>{"git.lab", "git.lab.corp.example"}));
  EXPECT_EQ(config.candidates("git"), (std::vector<std::string>{"git.corp.example", "git"}));
}

TEST(Hosts, FindsEveryAddressOfAName) {
  std::string text =
      "127.0.0.1 localhost\n192.0.2.7\tGit git.corp.example # the server\n2001:db8::7 git\nfe80::1%eth0 x\n";
  auto found = find_in_hosts(text, "git");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].text(), "192.0.2.7");
  EXPECT_EQ(found[1].text(), "2001:db8::7");
  EXPECT_TRUE(find_in_hosts(text, "server").empty()) << "a comment";
  EXPECT_TRUE(find_in_hosts(text, "192.0.2.7").empty());
}

}  // namespace
}  // namespace hv::gateway
