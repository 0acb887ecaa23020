#include "cli/change_view.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/layout.h"

namespace hv::cli {

namespace {

constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kGreen = "\x1b[32m";
constexpr std::string_view kYellow = "\x1b[33m";
constexpr std::string_view kCyan = "\x1b[36m";
constexpr std::string_view kPlain = "\x1b[0m";
constexpr size_t kMostLeftovers = 20;
constexpr size_t kMostAccepted = 8;
constexpr size_t kWidestBar = 40;

std::string painted(std::string_view text, std::string_view colour, DiffStyle style) {
  return style.colour ? base::format("{}{}{}", colour, text, kPlain) : std::string(text);
}

// As git quotes it: in double quotes with octal escapes where a patch could not be read otherwise.
std::string quoted_path(const std::string& path) {
  bool plain = std::ranges::all_of(
      path, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f && c != '"' && c != '\\'; });
  if (plain) return path;
  std::string out = "\"";
  for (char c : path) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out.append("\\").push_back(c);
    else if (byte < 0x20 || byte == 0x7f)
      out += base::format("\\{:03o}", byte);
    else
      out.push_back(c);
  }
  return out + "\"";
}

std::string path_text(const std::string& path, DiffStyle style) {
  return style.exact ? quoted_path(path) : base::printable(path);
}

std::string_view type_bits(core::FileType type) {
  switch (type) {
    case core::FileType::regular:
      return "100";
    case core::FileType::symlink:
      return "120";
    case core::FileType::directory:
      return "040";
    case core::FileType::other:
      return "000";
  }
  return "000";
}

std::string mode_text(core::FileType type, uint32_t mode) {
  return base::format("{}{:03o}", type_bits(type), type == core::FileType::symlink ? 0 : mode & 0777u);
}

char letter_of(const core::FileChange& file) {
  switch (file.kind) {
    case core::ChangeKind::added:
      return 'A';
    case core::ChangeKind::modified:
      return 'M';
    case core::ChangeKind::deleted:
      return 'D';
    case core::ChangeKind::renamed:
      return 'R';
    case core::ChangeKind::mode_changed:
      return 'P';
    case core::ChangeKind::type_changed:
      return 'T';
  }
  return '?';
}

std::string size_text(const core::FileChange& file) {
  auto text = [](std::optional<uint64_t> size) { return base::to_text(base::ByteCount{size.value_or(0)}); };
  if (file.old_size && file.size) return base::format("{} -> {}", text(file.old_size), text(file.size));
  return text(file.size ? file.size : file.old_size);
}

// What one line of statistics says about a file beside its name.
std::string change_text(const core::FileChange& file, size_t bar) {
  std::vector<std::string> parts;
  if (file.added_lines + file.removed_lines > 0) {
    size_t total = file.added_lines + file.removed_lines;
    size_t shown = std::min<size_t>(total, bar);
    size_t plus = file.added_lines == 0 ? 0 : std::clamp<size_t>(shown * file.added_lines / total, 1, shown);
    if (file.removed_lines > 0 && plus == shown && shown > 1) --plus;
    parts.push_back(base::format("{} {}{}", total, std::string(plus, '+'), std::string(shown - plus, '-')));
  } else if (file.binary) {
    parts.push_back("binary, " + size_text(file));
  }
  if (file.type == core::FileType::symlink && !file.target.empty())
    parts.push_back("link to " + base::printable(file.target));
  if (file.type == core::FileType::directory) parts.emplace_back("directory");
  if (file.mode && file.old_mode && *file.mode != *file.old_mode)
    parts.push_back(base::format("mode {:03o} -> {:03o}", *file.old_mode & 07777u, *file.mode & 07777u));
  return base::join(parts, ", ");
}

std::string shown_name(const core::FileChange& file) {
  if (file.kind == core::ChangeKind::renamed)
    return base::printable(file.old_path) + " -> " + base::printable(file.path);
  return base::printable(file.path);
}

std::string sum_text(const core::ChangeReport& report) {
  return base::format("{} {} changed, {} {} added, {} removed", report.files.size(),
                      report.files.size() == 1 ? "file" : "files", report.added_lines,
                      report.added_lines == 1 ? "line" : "lines", report.removed_lines);
}

std::string ref_text(const core::RefChange& ref) {
  std::string name = base::printable(ref.name);
  if (ref.new_id.empty()) return base::format("{}: deleted", name);
  std::string commits = base::format("{} {}", ref.commits, ref.commits == 1 ? "commit" : "commits");
  return base::format("{}: {}, now {}{}", name, commits, base::printable(ref.new_id.substr(0, 12)),
                      ref.old_id.empty() ? " (new)" : "");
}

// The lines about what apply would hold back, refuse, or what runs when the user builds.
std::string warnings(const core::ChangeReport& report, DiffStyle style) {
  std::string out;
  for (const core::FileChange& file : report.files)
    if (file.hazard == core::Hazard::held)
      out += painted(base::format("held back: {}: {}", base::printable(file.path), base::printable(file.hazard_reason)),
                     kYellow, style) +
             "\n";
  for (const core::FileChange& file : report.files)
    if (!file.conflict.empty())
      out += painted(base::format("conflict: {}: {}", base::printable(file.path), base::printable(file.conflict)), kRed,
                     style) +
             "\n";
  for (const core::FileChange& file : report.files)
    if (file.hazard == core::Hazard::notice)
      out += base::format("look at: {}: {}\n", base::printable(file.path), base::printable(file.hazard_reason));
  return out;
}

std::string stat_lines(const core::ChangeReport& report, size_t width, size_t most) {
  size_t name_width = 0;
  for (const core::FileChange& file : report.files) name_width = std::max(name_width, display_width(shown_name(file)));
  name_width = std::min(name_width, width == kUnlimited ? kUnlimited : std::max<size_t>(20, width * 6 / 10));
  size_t used = 4 + name_width + 3 + 8;
  size_t bar = width == kUnlimited ? kWidestBar : std::min(kWidestBar, width > used + 5 ? width - used : 5);
  std::string out;
  size_t count = 0;
  for (const core::FileChange& file : report.files) {
    if (count++ == most) break;
    std::string name = shorten(shown_name(file), name_width);
    std::string line = base::format(" {} {}", letter_of(file), name);
    if (std::string change = change_text(file, bar); !change.empty())
      line += std::string(name_width - std::min(name_width, display_width(name)), ' ') + " | " + change;
    out += (width == kUnlimited ? line : shorten(line, width)) + "\n";
  }
  if (report.files.size() > most) out += base::format(" ... and {} more\n", report.files.size() - most);
  return out;
}

}  // namespace

std::string file_header(const core::FileChange& file, DiffStyle style) {
  bool added = file.kind == core::ChangeKind::added;
  bool deleted = file.kind == core::ChangeKind::deleted;
  std::string new_path = path_text("b/" + file.path, style);
  std::string old_path = path_text("a/" + (file.old_path.empty() ? file.path : file.old_path), style);
  std::string out = base::format("diff --git {} {}\n", old_path, new_path);
  if (added) out += base::format("new file mode {}\n", mode_text(file.type, file.mode.value_or(0644)));
  if (deleted)
    out += base::format("deleted file mode {}\n",
                        mode_text(file.old_type.value_or(file.type), file.old_mode.value_or(0644)));
  if (!added && !deleted && file.mode && file.old_mode) {
    std::string before = mode_text(file.old_type.value_or(file.type), *file.old_mode);
    std::string after = mode_text(file.type, *file.mode);
    if (before != after) out += base::format("old mode {}\nnew mode {}\n", before, after);
  }
  if (file.kind == core::ChangeKind::renamed)
    out += base::format("rename from {}\nrename to {}\n", path_text(file.old_path, style), path_text(file.path, style));
  if (!file.hunks.empty())
    out += base::format("--- {}\n+++ {}\n", added ? "/dev/null" : old_path, deleted ? "/dev/null" : new_path);
  if (style.colour) {
    std::string bold;
    for (const std::string& line : base::split(std::string_view(out).substr(0, out.size() - 1), '\n'))
      bold += painted(line, kBold, style) + "\n";
    out = std::move(bold);
  }
  if (file.binary) out += base::format("Binary files differ ({})\n", size_text(file));
  if (file.truncated) out += base::format("Too large to be shown line by line ({})\n", size_text(file));
  if (file.type == core::FileType::symlink && file.hunks.empty() && !deleted)
    out +=
        base::format("link to {}{}\n", base::printable(file.target),
                     file.old_target.empty() ? "" : base::format(", before to {}", base::printable(file.old_target)));
  return out;
}

std::string hunk_text(const core::Hunk& hunk, DiffStyle style) {
  std::string out =
      painted(base::format("@@ -{},{} +{},{} @@", hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines),
              kCyan, style) +
      "\n";
  for (const core::DiffLine& line : hunk.lines) {
    bool context = line.kind == core::DiffLine::Kind::context;
    bool added = line.kind == core::DiffLine::Kind::added;
    std::string text(1, context ? ' ' : added ? '+' : '-');
    text += style.exact ? line.text : base::printable_lines(line.text);
    out += (context ? text : painted(text, added ? kGreen : kRed, style)) + "\n";
    if (line.no_newline) out += "\\ No newline at end of file\n";
  }
  return out;
}

std::string diff_text(const core::ChangeReport& report, DiffStyle style) {
  std::string out = warnings(report, style);
  for (const core::RefChange& ref : report.refs) out += base::format("commits: {}\n", ref_text(ref));
  if (!out.empty() && !report.files.empty()) out += "\n";
  for (const core::FileChange& file : report.files) {
    out += file_header(file, style);
    for (const core::Hunk& hunk : file.hunks) out += hunk_text(hunk, style);
  }
  // After the patch, where the programs that read one stop reading.
  if (!out.empty() && !report.digest.empty()) out += base::format("digest: {}\n", base::printable(report.digest));
  return out;
}

std::string stat_text(const core::ChangeReport& report, size_t width) {
  std::string out = warnings(report, {});
  for (const core::RefChange& ref : report.refs) out += base::format("commits: {}\n", ref_text(ref));
  if (report.files.empty()) return report.refs.empty() ? "no changes\n" : out;
  return out + stat_lines(report, width, kUnlimited) + sum_text(report) + "\n";
}

std::string name_text(const core::ChangeReport& report, bool exact) {
  std::string out;
  for (const core::FileChange& file : report.files)
    out += path_text(file.path, {.colour = false, .exact = exact}) + "\n";
  return out;
}

std::string leftover_text(const core::ChangeReport& report, const std::string& sandbox, size_t width) {
  std::string out =
      base::format("hydravisor: changes in '{}' that are not in your files: {}\n", sandbox, sum_text(report));
  out += warnings(report, {});
  out += stat_lines(report, width, kMostLeftovers);
  for (const core::RefChange& ref : report.refs) out += base::format(" commits: {}\n", ref_text(ref));
  out += base::format("  look at them:  hydravisor diff {}\n", sandbox);
  if (report.mode == core::WorkspaceMode::live)
    return out + base::format("  take them back: hydravisor undo {}", sandbox);
  out += base::format("  take them:     hydravisor apply {}\n", sandbox);
  return out + base::format("  drop them:     hydravisor discard {}", sandbox);
}

// What apply takes by name: of a ref, which is no file of the workspace, the repository that holds it.
static std::string to_be_forced(const std::string& path) {
  size_t repository = ("/" + path).find("/.git/");
  return repository == std::string::npos ? path : path.substr(0, repository + 4);
}

std::string apply_text(const core::ApplyReport& report, const std::string& sandbox, bool reviewed) {
  std::string out;
  for (const std::string& path : report.applied)
    out += base::format("{} {}\n", report.dry_run ? "would apply" : "applied", base::printable(path));
  for (const core::RefChange& ref : report.refs)
    out += base::format("{} {}\n", report.dry_run ? "would bring" : "brought", ref_text(ref));
  for (const core::Refusal& held : report.held)
    out += base::format("held back {}: {}\n", base::printable(held.path), base::printable(held.reason));
  for (const core::Refusal& conflict : report.conflicts)
    out += base::format("conflict {}: {}\n", base::printable(conflict.path), base::printable(conflict.reason));
  if (out.empty()) return "nothing to apply\n";
  if (report.running && !reviewed)
    out += base::format(
        "'{}' still runs: this is what it had at this moment. To apply what you have seen and nothing else, take the "
        "digest that diff ends with: hydravisor apply {} --digest DIGEST\n",
        sandbox, sandbox);
  if (!report.held.empty()) {
    out += base::format("to apply a file that is held back: hydravisor apply {}", sandbox);
    for (size_t i = 0; i < std::min(report.held.size(), kMostAccepted); ++i)
      out += " --accept " + base::shell_quote(base::printable(report.held[i].path));
    out += report.held.size() > kMostAccepted ? " ...\n" : "\n";
  }
  if (!report.conflicts.empty())
    out += base::format("to overwrite what changed on the host: hydravisor apply {} --force {}\n", sandbox,
                        base::shell_quote(base::printable(to_be_forced(report.conflicts.front().path))));
  return out;
}

std::string paths_text(const core::PathsReport& report, std::string_view verb) {
  std::string out;
  for (const std::string& path : report.paths) out += base::format("{} {}\n", verb, base::printable(path));
  for (const core::Refusal& conflict : report.conflicts)
    out += base::format("conflict {}: {}\n", base::printable(conflict.path), base::printable(conflict.reason));
  return out.empty() ? "nothing to do\n" : out;
}

}  // namespace hv::cli
