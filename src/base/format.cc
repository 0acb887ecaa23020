// Debian ships fmt as a shared library only, and a program that starts on every run cannot afford another one to load:
// the library's own inline definitions are compiled into base instead.
#include "base/format.h"

#include <fmt/format-inl.h>

namespace fmt {
inline namespace v9 {
template FMT_API auto detail::dragonbox::to_decimal(float x) noexcept -> detail::dragonbox::decimal_fp<float>;
template FMT_API auto detail::dragonbox::to_decimal(double x) noexcept -> detail::dragonbox::decimal_fp<double>;
template FMT_API auto detail::thousands_sep_impl(detail::locale_ref) -> detail::thousands_sep_result<char>;
template FMT_API auto detail::decimal_point_impl(detail::locale_ref) -> char;
template FMT_API void detail::buffer<char>::append(const char*, const char*);
template FMT_API void detail::vformat_to(detail::buffer<char>&, string_view,
                                         basic_format_args<FMT_BUFFER_CONTEXT(char)>, detail::locale_ref);
}  // namespace v9
}  // namespace fmt
