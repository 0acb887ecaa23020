#include "wire/frame.h"

#include <gtest/gtest.h>

namespace hv::wire {
namespace {

TEST(Frame, HasTheDocumentedBytes) {
  std::string bytes;
  append_frame(bytes, FrameType::standard_error, "hi");
  append_frame(bytes, FrameType::exit, encode_exit({-2, true}));
  append_frame(bytes, FrameType::resize, encode_resize({40, 300}));
  EXPECT_EQ(bytes, std::string("\x02\x02\0\0\0hi"
                               "\x03\x05\0\0\0\xfe\xff\xff\xff\x01"
                               "\x04\x04\0\0\0\x28\0\x2c\x01",
                               7 + 10 + 9));
}

TEST(FrameDecoder, FindsFramesInAnyPieces) {
  std::string bytes;
  append_data(bytes, FrameType::standard_output, std::string(kDataFrame + 1, 'x'));
  append_frame(bytes, FrameType::input_end, {});
  for (size_t step : {size_t{1}, size_t{4}, size_t{5}, size_t{6}, size_t{4096}, bytes.size()}) {
    FrameDecoder decoder;
    std::vector<Frame> frames;
    for (size_t at = 0; at < bytes.size(); at += step) {
      decoder.feed(std::string_view(bytes).substr(at, step));
      for (auto frame = decoder.next(); frame && *frame; frame = decoder.next()) frames.push_back(**frame);
    }
    ASSERT_EQ(frames.size(), 3u) << step;
    EXPECT_EQ(frames[0].payload.size(), kDataFrame);
    EXPECT_EQ(frames[1].payload, "x");
    EXPECT_EQ(frames[2].type, FrameType::input_end);
    EXPECT_TRUE(decoder.empty());
  }
}

TEST(FrameDecoder, RefusesUnknownTypesAndLengthsBeforeTheirBytesCome) {
  FrameDecoder unknown;
  unknown.feed(std::string("\x09\0\0\0\0", 5));
  EXPECT_FALSE(unknown.next());
  FrameDecoder huge;
  huge.feed("\x01\xff\xff\xff\xff");
  EXPECT_FALSE(huge.next());
}

TEST(FrameDecoder, KnowsThatAFrameIsNotWhole) {
  FrameDecoder decoder;
  decoder.feed(std::string("\x01\x02\0\0\0h", 6));
  EXPECT_FALSE(*decoder.next());
  EXPECT_FALSE(decoder.empty());
}

TEST(Frame, PayloadsOfAnotherLengthAreRefused) {
  EXPECT_FALSE(decode_exit("1234"));
  EXPECT_FALSE(decode_resize("12345"));
  EXPECT_FALSE(decode_signal(""));
  EXPECT_EQ(decode_exit(encode_exit({137, false}))->status, 137);
  EXPECT_EQ(*decode_resize(encode_resize({24, 80})), (core::WindowSize{24, 80}));
}

}  // namespace
}  // namespace hv::wire
