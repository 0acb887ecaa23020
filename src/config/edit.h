// One value of config.toml changed in its text: comments, order and spelling of everything else stay.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/setting.h"

namespace hv::config {

// `text` with the setting at `value`, which check_value() has passed; an empty text becomes a whole file. The result is
// read again before it is given back: it says the new value, and of every other setting what it said before.
// invalid_argument naming `file`, line and column where the text is wrong already; conflict when it is written in a way
// that leaves no place for the key.
base::Result<std::string> set(std::string_view text, std::string_view file, const KeySpec& setting,
                              std::string_view value);

}  // namespace hv::config
