// The bodies behind wire/types.h, for the .cc files that instantiate them.
#pragma once

#include "wire/describe.h"

namespace hv::wire {

template <typename T>
Value to_json(const T& value) {
  return Codec<T>::encode(value);
}

template <typename T>
base::Result<T> from_json(const Value& value) {
  T out;
  HV_TRY(Codec<T>::decode(value, out, {}));
  return out;
}

}  // namespace hv::wire

#define HV_WIRE_TYPE(Type)                   \
  template Value to_json<Type>(const Type&); \
  template base::Result<Type> from_json<Type>(const Value&)
