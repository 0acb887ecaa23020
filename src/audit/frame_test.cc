#include "audit/frame.h"

#include <gtest/gtest.h>

#include "audit/envelope.h"

namespace hv::audit {
namespace {

const std::string kSalt(kSaltSize, 's');
const std::string kEnvelope = R"({"v":1,"an":"envelope"})";

TEST(Frame, ReadsBackWhatWasWritten) {
  std::string bytes = encode_frame(kEnvelope, kSalt, R"({"pid":1})");
  std::string followed = bytes + "next";
  FrameResult result = decode_frame(followed);
  ASSERT_EQ(result.fault, FrameFault::none);
  EXPECT_EQ(result.frame.envelope, kEnvelope);
  EXPECT_EQ(result.frame.salt, kSalt);
  EXPECT_EQ(result.frame.payload, R"({"pid":1})");
  EXPECT_TRUE(result.frame.payload_intact);
  EXPECT_EQ(result.frame.size(), bytes.size());
}

TEST(Frame, IsIncompleteAtEveryShorterLength) {
  std::string bytes = encode_frame(kEnvelope, kSalt, R"({"pid":1})");
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(decode_frame(std::string_view(bytes).substr(0, size)).fault, FrameFault::incomplete) << size;
}

TEST(Frame, FindsEveryChangedByte) {
  std::string bytes = encode_frame(kEnvelope, kSalt, R"({"pid":1})");
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] ^= 0x40;
    FrameResult result = decode_frame(changed);
    if (i < kFrameHeaderSize) {
      EXPECT_EQ(result.fault, FrameFault::bad_header) << i;
    } else if (i < kFrameHeaderSize + kEnvelope.size()) {
      EXPECT_EQ(result.fault, FrameFault::bad_envelope) << i;
    } else {
      EXPECT_EQ(result.fault, FrameFault::none) << i;
      EXPECT_FALSE(result.frame.payload_intact) << i;
    }
  }
}

TEST(Frame, SaysThatAPayloadWasDeletedAndKeepsItsPlace) {
  std::string bytes = encode_frame(kEnvelope, kSalt, R"({"pid":1})");
  bytes[kStateOffset] = kPayloadDeleted;
  std::fill(bytes.begin() + static_cast<ptrdiff_t>(kFrameHeaderSize + kEnvelope.size()), bytes.end(), '\0');
  FrameResult result = decode_frame(bytes);
  EXPECT_EQ(result.fault, FrameFault::none);
  EXPECT_TRUE(result.frame.payload_deleted);
  EXPECT_EQ(result.frame.envelope, kEnvelope);
  EXPECT_EQ(result.frame.size(), bytes.size());
}

TEST(Frame, DoesNotBelieveZerosOrHugeLengths) {
  EXPECT_EQ(decode_frame(std::string(4096, '\0')).fault, FrameFault::bad_header);
  EXPECT_EQ(decode_frame(encode_frame(std::string(kMaxEnvelopeSize + 1, 'e'), kSalt, "")).fault,
            FrameFault::bad_header);
}

TEST(Frame, IsFoundAgainBehindDamage) {
  std::string first = encode_frame(kEnvelope, kSalt, "{}");
  std::string bytes = std::string(100, '\x7f') + R"({"v": not a frame)" + first + first;
  EXPECT_EQ(find_frame(bytes, 0), 100 + 17);
  EXPECT_EQ(find_frame(bytes, 118), 117 + first.size());
  EXPECT_EQ(find_frame(bytes, bytes.size() - 3), std::nullopt);
}

TEST(SegmentHeader, ReadsBackAndFindsEveryChangedByte) {
  SegmentHeader header{42, base::WallTime(std::chrono::nanoseconds(1'700'000'000'000'000'001))};
  std::string bytes = encode_segment_header(header);
  ASSERT_EQ(bytes.size(), kSegmentHeaderSize);
  auto decoded = decode_segment_header(bytes);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->first_index, 42u);
  EXPECT_EQ(decoded->created, header.created);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] ^= 1;
    EXPECT_FALSE(decode_segment_header(changed)) << i;
  }
}

TEST(SegmentName, HoldsTheFirstIndexAndSortsByIt) {
  EXPECT_EQ(segment_name(42), "00000000000000000042.journal");
  EXPECT_EQ(parse_segment_name("00000000000000000042.journal"), 42u);
  EXPECT_FALSE(parse_segment_name("42.journal"));
  EXPECT_FALSE(parse_segment_name("00000000000000000042.journal~"));
  EXPECT_FALSE(parse_segment_name("99999999999999999999.journal"));
}

}  // namespace
}  // namespace hv::audit
