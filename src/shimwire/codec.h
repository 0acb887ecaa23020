// The encoding of everything that daemon, supervisor, gateway and init say to each other: little-endian integers,
// length-prefixed strings and lists, no self-description. Both ends are built together and check shimwire::kProtocol
// first; a Reader still trusts no byte.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hv::shimwire {

class Writer {
 public:
  Writer& u8(uint8_t value) { return number(value); }
  Writer& u16(uint16_t value) { return number(value); }
  Writer& u32(uint32_t value) { return number(value); }
  Writer& u64(uint64_t value) { return number(value); }
  Writer& i32(int32_t value) { return number(value); }
  Writer& boolean(bool value) { return number(static_cast<uint8_t>(value)); }
  Writer& text(std::string_view value) {
    u32(static_cast<uint32_t>(value.size()));
    data_.append(value);
    return *this;
  }
  template <typename T, typename F>
  Writer& list(const std::vector<T>& items, F write_item) {
    u32(static_cast<uint32_t>(items.size()));
    for (const T& item : items) write_item(*this, item);
    return *this;
  }
  Writer& texts(const std::vector<std::string>& items) {
    return list(items, [](Writer& writer, const std::string& item) { writer.text(item); });
  }
  std::string take() { return std::move(data_); }

 private:
  template <typename T>
  Writer& number(T value) {
    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the encoding copies native integers");
    data_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  std::string data_;
};

// Reads in the order written. The first read past the end makes the reader fail for good: every later value is zero or
// empty, lists are empty, and finish() reports it; so a decoder reads straight through and checks once.
class Reader {
 public:
  explicit Reader(std::string_view data) : rest_(data) {}
  uint8_t u8() { return number<uint8_t>(); }
  uint16_t u16() { return number<uint16_t>(); }
  uint32_t u32() { return number<uint32_t>(); }
  uint64_t u64() { return number<uint64_t>(); }
  int32_t i32() { return number<int32_t>(); }
  bool boolean() {
    uint8_t value = u8();
    if (value > 1) failed_ = true;
    return value == 1;
  }
  std::string text() {
    uint32_t size = u32();
    if (failed_ || size > rest_.size()) {
      failed_ = true;
      return {};
    }
    std::string value(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return value;
  }
  template <typename T, typename F>
  std::vector<T> list(F read_item) {
    uint32_t count = u32();
    std::vector<T> items;
    // Each item takes at least one byte, so a count beyond what is left is a lie and allocates nothing.
    if (count > rest_.size()) failed_ = true;
    for (uint32_t i = 0; i < count && !failed_; ++i) items.push_back(read_item(*this));
    return items;
  }
  std::vector<std::string> texts() {
    return list<std::string>([](Reader& reader) { return reader.text(); });
  }
  // invalid_argument when a read went past the end, a value was out of range, or bytes are left over.
  base::Status finish() const {
    if (failed_ || !rest_.empty())
      return base::Failure(base::invalid_argument("malformed message between Hydravisor's processes"));
    return {};
  }
  void fail() { failed_ = true; }

 private:
  template <typename T>
  T number() {
    T value{};
    if (failed_ || rest_.size() < sizeof value) {
      failed_ = true;
      return value;
    }
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace hv::shimwire
