#include "gateway/connection.h"

#include <gtest/gtest.h>

#include "gateway/connection_world_test.h"

namespace hv::gateway {
namespace {

using namespace testing_world;

TEST(Connection, ReachesAnAllowedNameAndRecordsItFirst) {
  EXPECT_IN_NET(in_public_net([] {
    Server server(80, 10, kOk);
    World world({"example.org"}, "5.5.5.5 example.org\n");
    std::string got = world.talk(world.address_of_name("example.org"), 80, {get("example.org", "/a?secret=1")});
    CLAIM(got == kOk, got);
    CLAIM(has(server.seen(), "GET /a?secret=1 HTTP/1.1\r\n"), server.seen());
    CLAIM(joined(world.log) ==
              "before connection example.org:80 allow; before request example.org:80 GET /a allow; "
              "told connection example.org:80 allow; ",
          joined(world.log));
  }));
}

// What a bound lets through takes its time, on a loaded machine as on an idle one; what comes is the same.
TEST(Connection, ABoundOfItsRateSlowsBothWaysAndLosesNothing) {
  EXPECT_IN_NET(in_public_net([] {
    std::string much(400'000, '.');
    for (size_t i = 0; i < much.size(); ++i) much[i] = static_cast<char>('a' + i * 2654435761U % 26);
    const std::string asks = get("example.org");
    for (bool http : {true, false}) {
      std::string head = http ? "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(much.size()) + "\r\n\r\n" : "";
      std::string question = http ? asks : hello("example.org") + much;
      uint16_t port = http ? 80 : 443;
      std::chrono::milliseconds took[2];
      for (bool bounded : {false, true}) {
        Server server(port, question.size(), head + much);
        World world({"example.org"}, "5.5.5.5 example.org\n");
        if (bounded) world.rate.set(1'000'000);
        auto begun = std::chrono::steady_clock::now();
        std::string got = world.talk(world.address_of_name("example.org"), port, {question}, false,
                                     std::chrono::milliseconds(20'000));
        took[bounded] = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
        CLAIM(got == head + much, std::to_string(got.size()));
        CLAIM(server.seen().size() == question.size(), std::to_string(server.seen().size()));
      }
      // 0.4 MB, and 0.8 MB of what goes both ways, less the tenth of a second that a bucket may save.
      CLAIM(took[1].count() >= (http ? 300 : 700), std::to_string(took[1].count()));
      CLAIM(took[0] < took[1], std::to_string(took[0].count()));
    }
  }));
}

TEST(Connection, WhatCannotBeRecordedDoesNotHappen) {
  EXPECT_IN_NET(in_public_net([] {
    Server server(80, 1, kOk);
    World world({"example.org"}, "5.5.5.5 example.org\n");
    world.records = false;
    std::string got = world.talk(world.address_of_name("example.org"), 80, {get("example.org")}, false,
                                 std::chrono::milliseconds(300));
    CLAIM(got.empty(), got);
    CLAIM(server.untouched(), "the server");
  }));
}

TEST(Connection, RefusesAnotherHostThanTheConnectionIsFor) {
  EXPECT_IN_NET(in_public_net([] {
    World world({"example.org"}, "5.5.5.5 example.org other.example\n");
    std::string got = world.talk(world.address_of_name("example.org"), 80, {get("other.example")});
    CLAIM(has(got, "HTTP/1.1 403") && has(got, "other.example"), got);
    CLAIM(has(joined(world.log), "deny"), joined(world.log));
    std::string port = world.talk(world.address_of_name("example.org"), 80, {get("example.org:8080")});
    CLAIM(has(port, "HTTP/1.1 403"), port);
  }));
}

TEST(Connection, TellsHttpWhichRuleRefusesAndWhatAllows) {
  EXPECT_IN_NET(in_public_net([] {
    World world({"example.org"}, "");
    std::string got = world.talk(ip("6.6.6.6"), 8081, {get("6.6.6.6:8081")});
    CLAIM(has(got, "HTTP/1.1 403 Forbidden") && has(got, "hydravisor net web --allow 6.6.6.6:8081"), got);
    CLAIM(has(joined(world.log), "told connection 6.6.6.6:8081 deny"), joined(world.log));
  }));
}

TEST(Connection, StaysOpenUntilTheSupervisorHasSeenWhoWasRefused) {
  EXPECT_IN_NET(in_public_net([] {
    for (uint16_t port : {uint16_t{8081}, uint16_t{443}}) {
      World world({"example.org"}, "");
      world.hearing = std::chrono::milliseconds(2000);
      std::string early = world.talk(ip("6.6.6.6"), port, {get("6.6.6.6")}, false, std::chrono::milliseconds(500));
      CLAIM(early.empty(), early);
      CLAIM(has(joined(world.log), "deny"), joined(world.log));
      World prompt({"example.org"}, "");
      prompt.hearing = std::chrono::milliseconds(100);
      std::string got = prompt.talk(ip("6.6.6.6"), port, {get("6.6.6.6")});
      CLAIM(has(got, port == 443 ? "RESET" : "HTTP/1.1 403"), got);
    }
  }));
}

TEST(Connection, ResetsWhatCannotBeTold) {
  EXPECT_IN_NET(in_public_net([] {
    World world({"example.org"}, "");
    CLAIM(world.talk(ip("6.6.6.6"), 443, {hello("example.org")}) == "RESET", "443");
    CLAIM(world.talk(ip("6.6.6.6"), 22, {}) == "RESET", "22");
    CLAIM(world.talk(ip("6.6.6.6"), 8000, {}) == "RESET", "silent");
    CLAIM(world.talk(ip("169.254.169.254"), 443, {}) == "RESET", "metadata");
  }));
}

TEST(Connection, AsksForApprovalByRefusingUntilSomebodyCanBeAsked) {
  EXPECT_IN_NET(in_public_net([] {
    World world({"?example.org"}, "5.5.5.5 example.org\n");
    std::string got = world.talk(world.address_of_name("example.org"), 80, {get("example.org")});
    CLAIM(has(got, "HTTP/1.1 403") && has(got, "nobody can be asked"), got);
    CLAIM(has(joined(world.log), "ask"), joined(world.log));
  }));
}

TEST(Connection, PassesTlsUntouchedWhenItsNameAgrees) {
  EXPECT_IN_NET(in_public_net([] {
    Server server(443, hello("example.org").size(), "server hello");
    World world({"example.org"}, "5.5.5.5 example.org\n");
    std::string sent = hello("example.org");
    std::string got = world.talk(world.address_of_name("example.org"), 443, {sent});
    CLAIM(got == "server hello", got);
    CLAIM(server.seen() == sent, server.seen());
  }));
}

TEST(Connection, RefusesTlsForAnotherNameForNoneAndGarbage) {
  EXPECT_IN_NET(in_public_net([] {
    Server server(443, 1, "server hello");
    World world({"example.org", "other.example"}, "5.5.5.5 example.org other.example\n");
    core::IpAddress to = world.address_of_name("example.org");
    CLAIM(world.talk(to, 443, {hello("other.example")}) == "RESET", "another");
    CLAIM(world.talk(to, 443, {hello("")}) == "RESET", "none");
    CLAIM(world.talk(to, 443, {std::string("\x16\x03\x01\x00\x06\x01\xff\xff\xff\xff\xff", 11)}) == "RESET", "garbage");
    CLAIM(has(joined(world.log), "the TLS hello names other.example"), joined(world.log));
    CLAIM(server.untouched(), "the server");
  }));
}

TEST(Connection, WaitsForNobodyWhereTheServerSpeaksFirst) {
  EXPECT_IN_NET(in_public_net([] {
    Server ssh(22, 0, "SSH-2.0-server\r\n", false);
    World world({"example.org:22", "example.org:7000"}, "5.5.5.5 example.org\n");
    std::string got = world.talk(world.address_of_name("example.org"), 22, {}, false, std::chrono::milliseconds(400));
    CLAIM(has(got, "SSH-2.0-server"), got);
    Server unknown(7000, 0, "hello\n");
    got = world.talk(world.address_of_name("example.org"), 7000, {});
    CLAIM(got == "hello\n", got);
  }));
}

TEST(Connection, JudgesTheClientsBytesEvenAfterTheServerHasSpoken) {
  EXPECT_IN_NET(in_public_net([] {
    Server server(7000, 5, "welcome\n", false);
    World world({"example.org:7000"}, "5.5.5.5 example.org\n");
    world.times.quiet = std::chrono::milliseconds(1);
    Server early(22, 0, "banner\n", false);
    World ssh({"example.org:22"}, "5.5.5.5 example.org\n");
    // "" is sent first: only the banner lets the client speak.
    std::string got = ssh.talk(ssh.address_of_name("example.org"), 22, {"", hello("evil.example")});
    CLAIM(has(got, "RESET"), got);
  }));
}

TEST(Connection, PassesTheFewBytesOfAProtocolThatIsNoHttp) {
  EXPECT_IN_NET(in_public_net([] {
    Server server(7000, 1, "pong");
    World world({"example.org:7000"}, "5.5.5.5 example.org\n");
    std::string got = world.talk(world.address_of_name("example.org"), 7000, {"x"});
    CLAIM(got == "pong", got);
  }));
}

TEST(Connection, DialsForGitAsSoonAsItHasAsked) {
  EXPECT_IN_NET(in_public_net([] {
    std::string request("002cgit-upload-pack /a.git\0host=example.org\0", 0x2c);
    Server server(9418, request.size(), "0000");
    World world({"example.org:9418"}, "5.5.5.5 example.org\n");
    world.times.quiet = std::chrono::seconds(60);
    std::string got = world.talk(world.address_of_name("example.org"), 9418, {request});
    CLAIM(got == "0000", got);
    CLAIM(server.seen() == request, server.seen());
  }));
}

TEST(Connection, DialsNoPrivateAddressThatANameHas) {
  EXPECT_IN_NET(in_public_net([] {
    Server server(80, 1, kOk);
    for (const char* lie : {"10.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1",
                            "64:ff9b::a00:1", "2002:a00:1::", "0.0.0.0"}) {
      World world({"example.org"}, std::string(lie) + " example.org\n");
      std::string got = world.talk(world.address_of_name("example.org"), 80, {get("example.org")});
      CLAIM(has(got, "HTTP/1.1 403"), std::string(lie) + ": " + got);
    }
    CLAIM(server.untouched(), "the server");
  }));
}

TEST(Connection, DialsAPrivateAddressWhereTheRuleSaysSo) {
  EXPECT_IN_NET(in_public_net([] {
    Server server(80, 1, kOk);
    World world({"+example.org"}, "10.0.0.1 example.org\n");
    std::string got = world.talk(world.address_of_name("example.org"), 80, {get("example.org")});
    CLAIM(got == kOk, got);
  }));
}

TEST(Connection, RefusesAmbiguousRequests) {
  EXPECT_IN_NET(in_public_net([] {
    Server server(80, 1, kOk);
    World world({"example.org"}, "5.5.5.5 example.org\n");
    for (const char* text : {"GET / HTTP/1.1\nHost: example.org\n\n",
                             "POST / HTTP/1.1\r\nHost: example.org\r\nContent-Length: 1\r\nTransfer-Encoding: "
                             "chunked\r\n\r\n",
                             "GET / HTTP/1.1\r\nHost: example.org\r\nHost: other.example\r\n\r\n",
                             "GET http://other.example/ HTTP/1.1\r\nHost: example.org\r\n\r\n"}) {
      std::string got = world.talk(world.address_of_name("example.org"), 80, {text});
      CLAIM(has(got, "HTTP/1.1 40"), std::string(text) + got);
    }
    CLAIM(server.untouched(), "the server");
  }));
}

TEST(Connection, ASlowHeadIsGivenUp) {
  EXPECT_IN_NET(in_public_net([] {
    World world({"example.org"}, "5.5.5.5 example.org\n");
    world.times.head = std::chrono::milliseconds(50);
    std::string got = world.talk(world.address_of_name("example.org"), 80, {"GET / HTTP/1.1\r\nHos"});
    CLAIM(has(got, "HTTP/1.1 400"), got);
  }));
}

TEST(Connection, LongHeadsAreRefusedWhereAllTogetherHoldTooMuch) {
  EXPECT_IN_NET(in_public_net([] {
    Server server(80, 1, kOk);
    World world({"example.org"}, "5.5.5.5 example.org\n");
    world.times.head = std::chrono::milliseconds(1000);
    std::string unfinished = "GET / HTTP/1.1\r\nHost: example.org\r\nX: " + std::string(20'000, 'x');
    world.around->most_held = 0;
    std::string got = world.talk(world.address_of_name("example.org"), 80, {unfinished});
    CLAIM(has(got, "too many unfinished requests"), got);
    CLAIM(world.around->held == 0, std::to_string(world.around->held));
    std::string whole = world.talk(world.address_of_name("example.org"), 80, {get("example.org")});
    CLAIM(whole == kOk, whole);
  }));
}

TEST(Connection, ResetsWhenNobodyAnswersOutside) {
  EXPECT_IN_NET(in_public_net([] {
    World world({"example.org"}, "5.5.5.5 example.org\n");
    std::string got = world.talk(world.address_of_name("example.org"), 443, {hello("example.org")});
    CLAIM(got == "RESET", got);
    CLAIM(has(joined(world.log), "(ECONNREFUSED)"), joined(world.log));
    std::string http = world.talk(world.address_of_name("example.org"), 80, {get("example.org")});
    CLAIM(has(http, "HTTP/1.1 502") && has(http, "ECONNREFUSED"), http);
  }));
}

TEST(Connection, EndsWhenThePolicyNoLongerAllowsIt) {
  EXPECT_IN_NET(in_public_net([] {
    Server server(443, 1, "server hello", false);
    World world({"example.org"}, "5.5.5.5 example.org\n");
    world.each_tick = [&] {
      if (!server.has_answered() || !world.connection || world.around->policy.rules.empty()) return;
      world.around->policy.rules.clear();
      world.connection->recheck();
    };
    std::string got = world.talk(world.address_of_name("example.org"), 443, {hello("example.org"), "more"});
    CLAIM(has(got, "RESET"), got);
    CLAIM(has(joined(world.log), "deny"), joined(world.log));
  }));
}

TEST(Connection, GoesOnWhenThePolicyChangesInOtherThings) {
  EXPECT_IN_NET(in_public_net([] {
    Server server(443, 1, "server hello");
    World world({"example.org", "other.example"}, "5.5.5.5 example.org\n");
    world.each_tick = [&] {
      if (!world.connection || world.around->policy.rules.size() != 2) return;
      world.around->policy.rules.pop_back();
      world.connection->recheck();
    };
    std::string got = world.talk(world.address_of_name("example.org"), 443, {hello("example.org")});
    CLAIM(got == "server hello", got);
  }));
}

TEST(Connection, EndsWhenThePolicyNoLongerAllowsTheAddressItHas) {
  EXPECT_IN_NET(in_public_net([] {
    Server server(443, 1, "server hello", false);
    World world({"+example.org"}, "10.0.0.1 example.org\n");
    world.each_tick = [&] {
      if (!server.has_answered() || !world.connection || !world.around->policy.rules[0].private_addresses) return;
      world.around->policy.rules[0].private_addresses = false;
      world.connection->recheck();
    };
    std::string got = world.talk(world.address_of_name("example.org"), 443, {hello("example.org"), "more"});
    CLAIM(has(got, "RESET"), got);
    CLAIM(has(joined(world.log), "deny"), joined(world.log));
  }));
}

TEST(Connection, JudgesWhatIsSaidAfterTheServerHasEnded) {
  EXPECT_IN_NET(in_public_net([] {
    Server server(22, 0, "banner\n");
    World world({"example.org:22"}, "5.5.5.5 example.org\n");
    world.each_tick = [] { ::poll(nullptr, 0, 1); };
    world.talk(world.address_of_name("example.org"), 22, {"", hello("evil.example")});
    CLAIM(has(joined(world.log), "told connection example.org:22 deny"), joined(world.log));
  }));
}

TEST(Connection, IsCountedUntilItsAttemptIsRecorded) {
  EXPECT_IN_NET(in_public_net([] {
    World world({"example.org:22"}, "5.5.5.5 example.org\n");
    world.records = false;
    world.times.idle = std::chrono::milliseconds(0);
    world.talk(world.address_of_name("example.org"), 22, {}, false, std::chrono::milliseconds(300));
    CLAIM(world.connection != nullptr, "it has left without its record");
    CLAIM(joined(world.log) == "before connection example.org:22 allow; ", joined(world.log));
    for (const auto& then : world.unrecorded) then();
    CLAIM(has(joined(world.log), "allow; told connection example.org:22 allow (idle)"), joined(world.log));
  }));
}

TEST(Connection, DoesNotLetRequestsHideBehindAnUpgrade) {
  EXPECT_IN_NET(in_public_net([] {
    auto upgrade = [](const std::string& to) {
      return get("example.org", "/a", "Connection: Upgrade\r\nUpgrade: " + to + "\r\n");
    };
    const std::string agreed = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
    auto seen_by_server = [&](const std::vector<std::string>& rules, const std::string& to) {
      Server server(80, 1, agreed);
      World world(rules, "5.5.5.5 example.org\n");
      if (rules[0] == "example.org:80") {
        world.around->policy.rules[0].methods = {"GET"};
        world.around->policy.rules[0].path = "/a";
      }
      std::string got = world.talk(world.address_of_name("example.org"), 80, {upgrade(to)});
      // Both sides have ended by now, so nothing is left to wait for.
      CLAIM(!world.connection, to + " lingers");
      return std::string(has(got, " 101 ") ? "upgraded " : "not upgraded ") + server.seen();
    };
    std::string h2c = seen_by_server({"example.org"}, "h2c");
    CLAIM(h2c.starts_with("not") && !has(h2c, "Upgrade"), h2c);
    std::string other = seen_by_server({"example.org:80"}, "other/1");
    CLAIM(other.starts_with("not") && !has(other, "Upgrade"), other);
    std::string unruled = seen_by_server({"example.org"}, "other/1");
    CLAIM(unruled.starts_with("upgraded"), unruled);
    std::string websocket = seen_by_server({"example.org:80"}, "websocket");
    CLAIM(websocket.starts_with("upgraded") && has(websocket, "Upgrade: websocket"), websocket);
  }));
}

TEST(Connection, DialsTheHostItselfOnlyWhereARuleSaysSo) {
  EXPECT_IN_NET(in_public_net([] {
    auto reach = [](const std::string& rule, bool hosts_own) {
      Server server(80, 1, kOk);
      World world({rule}, "5.5.5.5 example.org\n");
      if (hosts_own)
        world.around->is_hosts_own = [](const core::IpAddress& address) { return address == ip("5.5.5.5"); };
      std::string got = world.talk(world.address_of_name("example.org"), 80, {get("example.org")});
      return got == kOk ? got : got + (server.untouched() ? "" : "dialled");
    };
    CLAIM(reach("example.org", false) == kOk, "another machine");
    CLAIM(reach("+example.org", true) == kOk, "by its rule");
    std::string got = reach("example.org", true);
    CLAIM(has(got, "example.org is at 5.5.5.5, an address of this host") && !has(got, "dialled"), got);
  }));
}

}  // namespace
}  // namespace hv::gateway
