#include "textdiff/text_diff.h"

#include <memory>

#include <git2.h>

namespace hv::textdiff {

using base::Failure;
using base::Result;

namespace {

base::Error failure(const char* what) {
  const git_error* error = ::git_error_last();
  return base::io_error(std::string("compare texts: ") + what + ": " +
                        (error != nullptr && error->message != nullptr ? error->message : "unknown cause"));
}

// libgit2 wants to be initialised once a process and has nothing that must be given back at its end.
bool ready() {
  static const bool initialised = ::git_libgit2_init() > 0;
  return initialised;
}

Result<core::Hunk> read_hunk(git_patch* patch, size_t index) {
  const git_diff_hunk* header = nullptr;
  size_t count = 0;
  if (::git_patch_get_hunk(&header, &count, patch, index) != 0) return Failure(failure("read a hunk"));
  core::Hunk hunk;
  hunk.old_start = static_cast<uint32_t>(header->old_start);
  hunk.old_lines = static_cast<uint32_t>(header->old_lines);
  hunk.new_start = static_cast<uint32_t>(header->new_start);
  hunk.new_lines = static_cast<uint32_t>(header->new_lines);
  for (size_t i = 0; i < count; ++i) {
    const git_diff_line* line = nullptr;
    if (::git_patch_get_line_in_hunk(&line, patch, index, i) != 0) return Failure(failure("read a line"));
    core::DiffLine kept;
    switch (line->origin) {
      case GIT_DIFF_LINE_CONTEXT:
        kept.kind = core::DiffLine::Kind::context;
        break;
      case GIT_DIFF_LINE_ADDITION:
        kept.kind = core::DiffLine::Kind::added;
        break;
      case GIT_DIFF_LINE_DELETION:
        kept.kind = core::DiffLine::Kind::removed;
        break;
      default:
        continue;  // the remark that a file has no newline at its end: the line itself shows it
    }
    kept.text.assign(line->content, line->content_len);
    if (kept.text.ends_with('\n')) {
      kept.text.pop_back();
    } else {
      kept.no_newline = true;
    }
    hunk.lines.push_back(std::move(kept));
  }
  return hunk;
}

}  // namespace

Result<TextDiff> diff_text(std::string_view before, std::string_view after) {
  if (!ready()) return Failure(failure("initialise libgit2"));
  TextDiff result;
  auto has_nul = [](std::string_view text) { return text.substr(0, 8000).find('\0') != std::string_view::npos; };
  if (has_nul(before) || has_nul(after)) {
    result.binary = true;
    return result;
  }
  git_diff_options options;
  if (::git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION) != 0) return Failure(failure("set up"));
  options.flags |= GIT_DIFF_FORCE_TEXT;
  options.context_lines = 3;
  git_patch* made = nullptr;
  if (::git_patch_from_buffers(&made, before.data(), before.size(), nullptr, after.data(), after.size(), nullptr,
                               &options) != 0)
    return Failure(failure("compute the difference"));
  std::unique_ptr<git_patch, void (*)(git_patch*)> patch(made, ::git_patch_free);
  size_t added = 0;
  size_t removed = 0;
  if (::git_patch_line_stats(nullptr, &added, &removed, patch.get()) != 0) return Failure(failure("count lines"));
  result.added_lines = added;
  result.removed_lines = removed;
  size_t hunks = ::git_patch_num_hunks(patch.get());
  for (size_t i = 0; i < hunks; ++i) result.hunks.push_back(HV_TRY(read_hunk(patch.get(), i)));
  return result;
}

}  // namespace hv::textdiff
