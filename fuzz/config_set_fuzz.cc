// A configuration file with any bytes, and a value put into it: what comes out is understood and says that value, or
// the error can be shown on a terminal.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "config/config.h"
#include "config/edit.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace config = hv::config;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const config::KeySpec& setting = config::settings()[size % config::settings().size()];
  std::string value = setting.kind == config::Kind::boolean  ? "true"
                      : setting.kind == config::Kind::choice ? setting.choices.front()
                                                             : "a \"b\" \\c";
  hv::base::Result<std::string> changed = config::set(text, "fuzz.toml", setting, value);
  if (!changed) {
    if (hv::base::printable_lines(changed.error().message()) != changed.error().message()) std::abort();
    return 0;
  }
  hv::base::Result<std::vector<config::Value>> values = config::parse(*changed, "fuzz.toml", config::Origin::user);
  if (!values) std::abort();
  bool says =
      std::ranges::any_of(*values, [&](const config::Value& v) { return v.setting == &setting && v.text == value; });
  if (!says) std::abort();
  return 0;
}
