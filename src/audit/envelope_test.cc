#include "audit/envelope.h"

#include <gtest/gtest.h>

namespace hv::audit {
namespace {

Envelope example() {
  Envelope envelope;
  envelope.index = 41;
  envelope.time = *base::from_rfc3339("2026-11-23T18:14:07.000000089Z");
  envelope.monotonic = base::MonotonicTime(5'000'000'123);
  envelope.kind = "exec.started";
  envelope.sandbox = "s0123456789abcdef";
  envelope.principal = "agent:s0123456789abcdef";
  envelope.trust = core::Trust::claimed;
  envelope.risk = core::Risk::low;
  envelope.origin = core::Origin{"s0123456789abcdef", 7};
  envelope.payload_hash = base::sha256("x");
  envelope.payload_size = 17;
  return envelope;
}

constexpr const char* kExample =
    R"({"v":1,"index":41,"time":"2026-11-23T18:14:07.000000089Z","monotonic":5000000123,"kind":"exec.started",)"
    R"("sandbox":"s0123456789abcdef","principal":"agent:s0123456789abcdef","trust":"claimed","risk":"low",)"
    R"("origin":{"spool":"s0123456789abcdef","sequence":7},)"
    R"("payload_sha256":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","payload_size":17})";

TEST(Envelope, HasOneSpelling) {
  EXPECT_EQ(encode_envelope(example()), kExample);
  auto decoded = decode_envelope(kExample);
  ASSERT_TRUE(decoded) << decoded.error().text();
  EXPECT_EQ(encode_envelope(*decoded), kExample);
  EXPECT_EQ(decoded->time, example().time);
  EXPECT_EQ(decoded->origin->sequence, 7u);
}

TEST(Envelope, WritesNoOriginAsNull) {
  Envelope envelope = example();
  envelope.origin.reset();
  envelope.sandbox.clear();
  std::string text = encode_envelope(envelope);
  EXPECT_NE(text.find(R"("sandbox":"",)"), std::string::npos);
  EXPECT_NE(text.find(R"("origin":null,)"), std::string::npos);
  EXPECT_EQ(encode_envelope(*decode_envelope(text)), text);
}

TEST(Envelope, RefusesEveryOneByteChangeOfItsStructure) {
  std::string text = kExample;
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = '~';
    auto decoded = decode_envelope(changed);
    if (decoded) EXPECT_EQ(encode_envelope(*decoded), changed) << i;
  }
  for (size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(decode_envelope(text.substr(0, size)));
  EXPECT_FALSE(decode_envelope(text + " "));
}

TEST(Envelope, RefusesOtherSpellingsOfTheSameNumber) {
  auto with = [](std::string_view from, std::string_view to) {
    std::string text = kExample;
    return text.replace(text.find(from), from.size(), to);
  };
  EXPECT_FALSE(decode_envelope(with(R"("index":41)", R"("index":041)")));
  EXPECT_FALSE(decode_envelope(with(R"("index":41)", R"("index":-41)")));
  EXPECT_FALSE(decode_envelope(with(R"("index":41)", R"("index":+41)")));
  EXPECT_FALSE(decode_envelope(with(R"("monotonic":5000000123)", R"("monotonic":-0)")));
  EXPECT_FALSE(decode_envelope(with("2026-11-23T", "2026-13-23T")));
  EXPECT_FALSE(decode_envelope(with("2026-11-23T", "4026-11-23T"))) << "beyond what 64 bits of nanoseconds hold";
  EXPECT_FALSE(decode_envelope(with("2d711642", "2D711642")));
}

TEST(EventFields, RefuseWhatCouldNotStandInAnEnvelope) {
  core::Event event;
  event.kind = "sandbox.created";
  EXPECT_TRUE(check_event_fields(event));
  for (const char* kind : {"", "Sandbox.created", "sandbox created", "a\"b"}) {
    event.kind = kind;
    EXPECT_FALSE(check_event_fields(event)) << kind;
  }
  event.kind = "sandbox.created";
  event.principal = "user:\"";
  EXPECT_FALSE(check_event_fields(event));
  event.principal = std::string(513, 'a');
  EXPECT_FALSE(check_event_fields(event));
  event.principal = "user:1000";
  event.origin = core::Origin{"", 1};
  EXPECT_FALSE(check_event_fields(event));
}

TEST(EventFields, LeaveTheLargestEnvelopeUnderItsLimit) {
  Envelope envelope = example();
  envelope.index = UINT64_MAX;
  envelope.monotonic = base::MonotonicTime(INT64_MIN);
  envelope.kind = std::string(64, 'k');
  envelope.sandbox = std::string(128, 's');
  envelope.principal = std::string(512, 'p');
  envelope.origin = core::Origin{std::string(128, 'o'), UINT64_MAX};
  envelope.payload_size = UINT32_MAX;
  EXPECT_LE(encode_envelope(envelope).size(), kMaxEnvelopeSize);
}

}  // namespace
}  // namespace hv::audit
