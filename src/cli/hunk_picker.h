// `apply --interactive`: the user is shown each hunk and says which are meant. The questions go through two functions,
// so tests answer them.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "cli/change_view.h"
#include "core/change.h"

namespace hv::cli {

struct Dialogue {
  std::function<void(std::string_view text)> show;
  // The first character of the answer; nullopt at the end of input, which ends the choosing.
  std::function<std::optional<char>(std::string_view question)> ask;
};

// The request for what was chosen; nullopt when nothing was.
std::optional<core::ApplyRequest> pick_hunks(const core::ChangeReport& report, DiffStyle style,
                                             const Dialogue& dialogue);

}  // namespace hv::cli
