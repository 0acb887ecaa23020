// A sandbox's changes as people and patch(1) read them. Pure functions.
#pragma once

#include <cstddef>
#include <string>

#include "core/change.h"

namespace hv::cli {

struct DiffStyle {
  bool colour = false;
  // Bytes as they are, for a file or another program; otherwise everything that an agent chose is made printable.
  bool exact = false;
};

// What the host would run by itself comes first, then each file in the form of git's patches.
std::string diff_text(const core::ChangeReport& report, DiffStyle style);
// The header of one file, and one of its hunks.
std::string file_header(const core::FileChange& file, DiffStyle style);
std::string hunk_text(const core::Hunk& hunk, DiffStyle style);

// One line a file with the size of its change, then the sum.
std::string stat_text(const core::ChangeReport& report, size_t width);
std::string name_text(const core::ChangeReport& report, bool exact);

// After `run`: what is left in the sandbox and the commands that go on with it.
std::string leftover_text(const core::ChangeReport& report, const std::string& sandbox, size_t width);

// `reviewed`: the request named the digest of what was shown.
std::string apply_text(const core::ApplyReport& report, const std::string& sandbox, bool reviewed = false);
// For discard, undo and sync; `verb` is "discarded".
std::string paths_text(const core::PathsReport& report, std::string_view verb);

}  // namespace hv::cli
