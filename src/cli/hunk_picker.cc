#include "cli/hunk_picker.h"

#include "base/format.h"
#include "base/text.h"

namespace hv::cli {

namespace {

constexpr std::string_view kHelp =
    "y  apply it\n"
    "n  leave it in the sandbox\n"
    "a  apply it and the rest of this file\n"
    "d  leave it and the rest of this file\n"
    "q  leave everything from here on; what was chosen is applied\n";

// The answer, asked again until it is one of y, n, a, d, q.
char ask_until_clear(std::string_view question, const Dialogue& dialogue) {
  while (true) {
    std::optional<char> answer = dialogue.ask(base::format("{} [y,n,a,d,q,?] ", question));
    if (!answer) return 'q';
    if (std::string_view("ynadq").find(*answer) != std::string_view::npos) return *answer;
    dialogue.show(kHelp);
  }
}

struct FileChoice {
  bool whole = false;
  std::vector<uint32_t> hunks;
  bool quit = false;
};

// Only a file whose content alone changed can be taken in parts.
bool divisible(const core::FileChange& file) {
  return file.kind == core::ChangeKind::modified && file.hunks.size() > 1 && !file.truncated;
}

FileChoice pick_file(const core::FileChange& file, DiffStyle style, const Dialogue& dialogue) {
  dialogue.show(file_header(file, style));
  if (!divisible(file)) {
    for (const core::Hunk& hunk : file.hunks) dialogue.show(hunk_text(hunk, style));
    char answer = ask_until_clear(base::format("apply {}?", base::printable(file.path)), dialogue);
    return {.whole = answer == 'y' || answer == 'a', .hunks = {}, .quit = answer == 'q'};
  }
  FileChoice choice;
  char standing = 0;
  for (uint32_t i = 0; i < file.hunks.size(); ++i) {
    char answer = standing;
    if (standing == 0) {
      dialogue.show(hunk_text(file.hunks[i], style));
      answer = ask_until_clear(base::format("apply hunk {} of {}?", i + 1, file.hunks.size()), dialogue);
    }
    if (answer == 'a' || answer == 'd') standing = answer;
    if (answer == 'y' || answer == 'a') choice.hunks.push_back(i);
    if (answer == 'q') {
      choice.quit = true;
      break;
    }
  }
  choice.whole = choice.hunks.size() == file.hunks.size();
  return choice;
}

}  // namespace

std::optional<core::ApplyRequest> pick_hunks(const core::ChangeReport& report, DiffStyle style,
                                             const Dialogue& dialogue) {
  core::ApplyRequest request;
  for (const core::FileChange& file : report.files) {
    if (file.hazard == core::Hazard::held)
      dialogue.show(
          base::format("\n{} is held back: {}\n", base::printable(file.path), base::printable(file.hazard_reason)));
    FileChoice choice = pick_file(file, style, dialogue);
    if (choice.whole || !choice.hunks.empty()) {
      request.paths.push_back(file.path);
      if (file.hazard == core::Hazard::held) request.accept.push_back(file.path);
      if (!choice.whole) request.hunks.push_back({.path = file.path, .hunks = std::move(choice.hunks)});
    }
    if (choice.quit) break;
  }
  if (request.paths.empty()) return std::nullopt;
  return request;
}

}  // namespace hv::cli
