// Result<T> is what a function returns that can fail for a reason outside the program. HV_TRY passes a failure up.
#pragma once

#include <expected>
#include <utility>

#include "base/error.h"

namespace hv::base {

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;
using Failure = std::unexpected<Error>;

}  // namespace hv::base

// The value of `expression`, or return its error from the enclosing function. A GNU statement expression: libstdc++ 12
// has no and_then.
#define HV_TRY(expression)                                       \
  __extension__({                                                \
    auto&& hv_result_ = (expression);                            \
    if (!hv_result_) [[unlikely]]                                \
      return ::hv::base::Failure(std::move(hv_result_).error()); \
    *std::move(hv_result_);                                      \
  })

// The same, with words put before the error's message.
#define HV_TRY_CONTEXT(expression, context)                                            \
  __extension__({                                                                      \
    auto&& hv_result_ = (expression);                                                  \
    if (!hv_result_) [[unlikely]]                                                      \
      return ::hv::base::Failure(std::move(hv_result_).error().with_context(context)); \
    *std::move(hv_result_);                                                            \
  })

// The same inside a coroutine.
#define HV_CO_TRY(expression)                                       \
  __extension__({                                                   \
    auto&& hv_result_ = (expression);                               \
    if (!hv_result_) [[unlikely]]                                   \
      co_return ::hv::base::Failure(std::move(hv_result_).error()); \
    *std::move(hv_result_);                                         \
  })
