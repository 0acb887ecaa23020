#include "gateway/connection.h"

#include <gtest/gtest.h>
#include "gateway/connection_world_test.h"

namespace hv::gateway {
namespace {

using namespace testing_world;

TEST(CourtesyProxy, TakesWholeUrlsAndTunnels) {
  EXPECT_IN_NET(in_public_net([] {
    World world({"example.org"}, "5.5.5.5 example.org\n");
    {
      Server server(80, 1, kOk);
      std::string got = world.talk({}, 0,
                                   {"GET http://example.org/p?q HTTP/1.1\r\nHost: example.org\r\n"
                                    "Proxy-Connection: keep-alive\r\nConnection: close\r\n\r\n"},
                                   true);
      CLAIM(got == kOk, got);
      CLAIM(server.seen().starts_with("GET /p?q HTTP/1.1\r\n") && !has(server.seen(), "Proxy-"), server.seen());
    }
    {
      Server server(443, 1, "server hello");
      std::string got = world.talk(
          {}, 0, {"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n", hello("example.org")}, true);
      CLAIM(got == "HTTP/1.1 200 Connection established\r\n\r\nserver hello", got);
    }
    {
      Server server(80, 1, kOk);
      std::string got = world.talk(
          {}, 0, {"CONNECT example.org:80 HTTP/1.1\r\nHost: example.org:80\r\n\r\n", get("example.org")}, true);
      CLAIM(has(got, "200 Connection established") && got.ends_with(kOk), got);
    }
  }));
}

TEST(CourtesyProxy, HoldsTargetNameAndHostAgainstEachOther) {
  EXPECT_IN_NET(in_public_net([] {
    World world({"example.org", "other.example"}, "5.5.5.5 example.org other.example\n");
    std::string connect = "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n";
    {
      Server server(443, 1, "never");
      std::string got = world.talk({}, 0, {connect, hello("other.example")}, true);
      CLAIM(has(got, "200 Connection established") && has(got, "RESET") && !has(got, "never"), got);
    }
    {
      Server server(80, 1, kOk);
      std::string got = world.talk(
          {}, 0, {"CONNECT example.org:80 HTTP/1.1\r\nHost: example.org:80\r\n\r\n", get("other.example")}, true);
      CLAIM(has(got, "HTTP/1.1 403"), got);
    }
    std::string denied =
        world.talk({}, 0, {"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n"}, true);
    CLAIM(has(denied, "HTTP/1.1 403") && has(denied, "--allow evil.example:443"), denied);
  }));
}

TEST(UpstreamProxy, CarriesTheConnectionWhereTheHostHasOne) {
  EXPECT_IN_NET(in_public_net([] {
    Server proxy(3129, 1, "HTTP/1.1 200 ok\r\n\r\nserver hello");
    World world({"example.org"}, "7.7.7.7 proxy.example\n", {"https_proxy=http://proxy.example:3129"});
    std::string got = world.talk(world.address_of_name("example.org"), 443, {hello("example.org")});
    CLAIM(got == "server hello", got);
    CLAIM(has(proxy.seen(), "CONNECT example.org:443 HTTP/1.1\r\n"), proxy.seen());
  }));
}

}  // namespace
}  // namespace hv::gateway
