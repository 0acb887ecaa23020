#include "base/json.h"

#include <gtest/gtest.h>

namespace hv::base::json {
namespace {

TEST(Json, RefusesWhatTwoReadersCouldReadDifferently) {
  EXPECT_FALSE(parse(R"({"a":1,"a":2})"));
  EXPECT_FALSE(parse(R"({"x":[1,2],"y":"z","x":3})"));
  EXPECT_FALSE(parse(R"({"a":1} {"b":2})"));
  EXPECT_FALSE(parse(R"({"a":1,})"));
  EXPECT_FALSE(parse("{\"a\":\"\xff\"}"));
  EXPECT_FALSE(parse(std::string(40, '[') + std::string(40, ']')));
}

TEST(Json, AcceptsTheSameNameInDifferentObjects) {
  EXPECT_TRUE(parse(R"({"a":{"b":1},"c":[{"b":2},{"b":3},"b","b"],"d":"a"})"));
}

TEST(Json, NamesLineAndColumnOfAFault) {
  Result<Value> value = parse("{\n  \"a\": tru\n}");
  ASSERT_FALSE(value);
  EXPECT_NE(value.error().message().find("line 2"), std::string::npos) << value.error().message();
}

TEST(ObjectReader, NamesAnUnknownMemberAndTheNearestKnownOne) {
  Value value = *parse(R"({"limits":{"memry":"1G"}})");
  ObjectReader outer = *ObjectReader::over(value);
  ObjectReader inner = *ObjectReader::over(*outer.member("limits"), "limits");
  EXPECT_EQ(*inner.optional_string("memory"), std::nullopt);
  Status status = inner.finish();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().text(), "unknown member 'limits.memry' (did you mean 'memory'?)");
  EXPECT_TRUE(outer.finish());
}

TEST(ObjectReader, RefusesAWrongType) {
  Value value = *parse(R"({"name":5,"list":["a",1]})");
  ObjectReader reader = *ObjectReader::over(value);
  EXPECT_FALSE(reader.string("name"));
  EXPECT_FALSE(reader.strings("list"));
  EXPECT_FALSE(reader.string("absent"));
}

}  // namespace
}  // namespace hv::base::json
