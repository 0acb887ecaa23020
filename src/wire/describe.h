// How the members of the API's types are described, once for both directions: each type has a describe() in one of the
// files beside this one. A name in there is a promise: docs/api/openapi.json has the same.
#pragma once

#include <concepts>
#include <type_traits>

#include "wire/codec.h"
#include "wire/types.h"

namespace hv::wire {

// Const when it is written, not when it is read.
template <typename T, typename Type>
concept Same = std::same_as<std::remove_const_t<T>, Type>;

// List, and what is like it.
template <typename V, typename T>
  requires requires(T& x) { x.items; } && (!requires(T& x) { x.before; })
void describe(V& v, T& x) {
  v.required("items", x.items);
}

}  // namespace hv::wire
