// One visit() per struct serves both directions: an Encoder appends each member, a Decoder assigns it. A struct's visit
// is a function template `visit(visitor, struct, T*)` of this namespace that calls each() on its members in their
// order.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "shimwire/codec.h"

namespace hv::shimwire {

// The highest enumerator of each enum that travels, as `value`; a byte beyond it is malformed.
template <typename E>
struct Last;

struct Encoder {
  Writer writer;
  void operator()(const std::string& value) { writer.text(value); }
  void operator()(bool value) { writer.boolean(value); }
  void operator()(uint8_t value) { writer.u8(value); }
  void operator()(uint16_t value) { writer.u16(value); }
  void operator()(uint32_t value) { writer.u32(value); }
  void operator()(uint64_t value) { writer.u64(value); }
  void operator()(int32_t value) { writer.i32(value); }
  template <typename T>
    requires std::is_enum_v<T>
  void operator()(T value) {
    writer.u8(static_cast<uint8_t>(value));
  }
  template <typename T>
  void operator()(const std::vector<T>& items) {
    writer.u32(static_cast<uint32_t>(items.size()));
    for (const T& item : items) (*this)(item);
  }
  template <typename T>
    requires std::is_class_v<T>
  void operator()(const T& value) {
    visit(*this, value, static_cast<T*>(nullptr));
  }
};

struct Decoder {
  Reader reader;
  void operator()(std::string& value) { value = reader.text(); }
  void operator()(bool& value) { value = reader.boolean(); }
  void operator()(uint8_t& value) { value = reader.u8(); }
  void operator()(uint16_t& value) { value = reader.u16(); }
  void operator()(uint32_t& value) { value = reader.u32(); }
  void operator()(uint64_t& value) { value = reader.u64(); }
  void operator()(int32_t& value) { value = reader.i32(); }
  template <typename T>
    requires std::is_enum_v<T>
  void operator()(T& value) {
    uint8_t byte = reader.u8();
    if (byte > static_cast<uint8_t>(Last<T>::value)) reader.fail();
    value = static_cast<T>(byte);
  }
  template <typename T>
  void operator()(std::vector<T>& items) {
    items = reader.list<T>([this](Reader&) {
      T item{};
      (*this)(item);
      return item;
    });
  }
  template <typename T>
    requires std::is_class_v<T>
  void operator()(T& value) {
    visit(*this, value, static_cast<T*>(nullptr));
  }
};

template <typename V, typename... Members>
void each(V& visitor, Members&... members) {
  (visitor(members), ...);
}

template <typename T>
std::string encode_visited(const T& message) {
  Encoder encoder;
  encoder(message);
  return encoder.writer.take();
}

template <typename T>
base::Result<T> decode_visited(std::string_view data) {
  T message;
  Decoder decoder{Reader(data)};
  decoder(message);
  HV_TRY(decoder.reader.finish());
  return message;
}

}  // namespace hv::shimwire
