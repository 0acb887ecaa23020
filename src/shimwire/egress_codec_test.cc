#include "shimwire/egress_codec.h"

#include <gtest/gtest.h>

#include "core/egress_text.h"
#include "shimwire/launch_codec.h"

namespace hv::shimwire {
namespace {

core::EgressPolicy sample() {
  core::EgressPolicy policy;
  policy.fallback = core::Verdict::ask;
  for (const char* text : {"*", "example.org", "*.example.org:22,8000-8999", "10.0.0.0/8:*", "[2001:db8::1]:443"})
    policy.rules.push_back(*core::parse_rule(text));
  policy.rules[1].verdict = core::Verdict::deny;
  policy.rules[1].methods = {"GET", "POST"};
  policy.rules[1].path = "/v1";
  policy.rules[3].private_addresses = true;
  policy.rules[3].origin = "policy restricted:12";
  policy.host_services = {5432, 65535};
  return policy;
}

core::NetworkEvent sample_event() {
  core::NetworkEvent event;
  event.kind = core::NetworkEvent::Kind::request;
  event.connection = 7;
  event.process = 41;
  event.program = "curl";
  event.name = "example.org";
  event.address = "192.0.2.1";
  event.port = 80;
  event.protocol = "http";
  event.sni = "sni.example.org";
  event.method = "GET";
  event.path = "/x";
  event.verdict = core::Verdict::ask;
  event.rule = "example.org";
  event.origin = "--allow";
  event.bytes_in = uint64_t{1} << 40;
  event.bytes_out = 3;
  event.duration_ms = 12;
  event.error = "refused";
  event.count = 1000;
  return event;
}

TEST(EgressCodec, ComesBackAsItWasSent) {
  EXPECT_EQ(*decode_egress_policy(encode(sample())), sample());
  EXPECT_EQ(*decode_network_event(encode(sample_event())), sample_event());
}

TEST(EgressCodec, TravelsWithTheLaunchSpec) {
  core::LaunchSpec spec;
  spec.egress = sample();
  EXPECT_EQ(decode_launch_spec(encode(spec))->egress, sample());
}

TEST(EgressCodec, RefusesEveryPrefixAndTrailingBytes) {
  std::string policy = encode(sample()), event = encode(sample_event());
  for (size_t size = 0; size < policy.size(); ++size)
    EXPECT_FALSE(decode_egress_policy(policy.substr(0, size))) << size;
  for (size_t size = 0; size < event.size(); ++size) EXPECT_FALSE(decode_network_event(event.substr(0, size))) << size;
  EXPECT_FALSE(decode_egress_policy(policy + "x"));
  EXPECT_FALSE(decode_network_event(event + "x"));
}

// A verdict beyond the last would be neither allowed nor denied by code that compares it.
TEST(EgressCodec, RefusesAVerdictThatIsNone) {
  std::string policy = encode(core::EgressPolicy{});
  policy[0] = 3;
  EXPECT_FALSE(decode_egress_policy(policy));
  policy[0] = 2;
  EXPECT_TRUE(decode_egress_policy(policy));
}

}  // namespace
}  // namespace hv::shimwire
