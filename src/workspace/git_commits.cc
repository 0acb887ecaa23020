#include "workspace/git_commits.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "base/text.h"
#include "workspace/bytes.h"
#include "workspace/git_command.h"
#include "workspace/hazard.h"

namespace hv::workspace {

using base::Failure;
using base::Result;

namespace {

constexpr size_t most_output = size_t{256} << 20;
constexpr size_t largest_link = 4096;
// As many files are compared with the host's; the rest is held unseen.
constexpr int most_compared = 200;
constexpr uint32_t link_mode = 0120000;

// ":100644 100644 ID ID M", with one more colon, mode and id for each further parent.
bool parse_entry(std::string_view text, CommittedFile& file) {
  size_t parents = text.find_first_not_of(':');
  if (parents == 0 || parents == std::string_view::npos) return false;
  std::vector<std::string> fields = base::split(text.substr(parents), ' ');
  if (fields.size() != 2 * parents + 3) return false;
  const std::string& mode = fields[parents];
  file.mode = 0;
  std::from_chars(mode.data(), mode.data() + mode.size(), file.mode, 8);
  file.id = fields[2 * parents + 1];
  return is_object_id(file.id);
}

class Judge {
 public:
  Judge(const std::string& scratch, const Repository& repository, const Opened& opened,
        const std::vector<CommittedFile>& files)
      : scratch_(scratch), repository_(repository), opened_(opened), reach_(opened, paths_of(files)) {
    for (const CommittedFile& file : files) names_.insert(file.path);
  }

  // Empty when nothing speaks against it.
  std::string reason(const CommittedFile& file) {
    std::optional<std::string> place = place_of(file.path);
    const std::string& path = place ? *place : file.path;
    Verdict verdict = classify_path(path);
    std::string why = verdict.hazard == core::Hazard::held ? verdict.reason : std::string();
    if (why.empty() && file.mode == link_mode && leads_out(path, content(file)))
      why = "it is a link that points out of the workspace";
    if (why.empty() && makes_repository(file.path)) why = "git takes its directory for a repository";
    if (why.empty() && place)
      if (const char* reached = reach_.judge(*place, false)) why = reached;
    if (why.empty() || (place && host_has(*place, file))) return {};
    return why;
  }

  // As a path of the workspace, when it lies there.
  std::optional<std::string> place_of(const std::string& path) const {
    const std::string& tree = repository_.work_tree;
    const std::string& workspace = opened_.host_path;
    if (covers(workspace, tree)) {
      std::string below = tree.size() > workspace.size() ? tree.substr(workspace.size() + 1) : std::string();
      return join_path(below, path);
    }
    if (!covers(tree, workspace)) return std::nullopt;
    std::string above = workspace.substr(tree.size() + 1) + "/";
    if (!path.starts_with(above)) return std::nullopt;
    return path.substr(above.size());
  }

 private:
  std::vector<std::string> paths_of(const std::vector<CommittedFile>& files) const {
    std::vector<std::string> paths;
    for (const CommittedFile& file : files)
      if (auto place = place_of(file.path)) paths.push_back(*std::move(place));
    return paths;
  }

  std::string content(const CommittedFile& file) const {
    auto output = base::run_command(git_spec({scratch_, {}, {"cat-file", "blob", file.id}, 0, 0}), {},
                                    std::chrono::minutes(1), most_output);
    return output && output->status.shell_code() == 0 ? std::move(output->out) : std::string();
  }

  bool host_has(const std::string& place, const CommittedFile& file) {
    auto entry = opened_.host.stat(place);
    if (!entry || !*entry || ++compared_ > most_compared) return false;
    if ((*entry)->type == FileType::symlink) {
      auto target = opened_.host.read_link(place);
      return file.mode == link_mode && (*entry)->size <= largest_link && target && *target == content(file);
    }
    if ((*entry)->type != FileType::regular || file.mode == link_mode) return false;
    auto opened = opened_.host.open_regular(place);
    auto present = opened ? base::read_all(opened->get(), most_output) : Failure(opened.error());
    return present && *present == content(file);
  }

  // git keeps no empty directories, so all that a repository needs is among the names or there already.
  bool makes_repository(const std::string& path) const {
    for (std::string_view at = path; !at.empty(); at = parent_of(at)) {
      std::string_view name = name_of(at);
      if (name != "HEAD" && name != "objects" && name != "refs" && name != "config" && name != "hooks" &&
          name != "commondir")
        continue;
      auto has = [&](std::string_view wanted) {
        std::string full = join_path(parent_of(at), wanted);
        auto found = names_.lower_bound(full);
        if (found != names_.end() && covers(full, *found)) return true;
        auto place = place_of(full);
        auto entry = place ? opened_.host.stat(*place) : std::optional<Entry>();
        return entry && *entry;
      };
      if (has("HEAD") && ((has("objects") && has("refs")) || has("commondir"))) return true;
    }
    return false;
  }

  const std::string& scratch_;
  const Repository& repository_;
  const Opened& opened_;
  GitReach reach_;
  std::set<std::string, std::less<>> names_;
  int compared_ = 0;
};

}  // namespace

Result<std::vector<CommittedFile>> committed_files(const std::string& scratch, const std::string& tip,
                                                   const std::string& known) {
  // A merge is held against all of its parents: what one of them has too was looked at there, or is the host's.
  GitCommand command{scratch,
                     {},
                     {"log", "--stdin", "--ignore-missing", "--format=", "--raw", "-z", "--root", "--no-renames",
                      "--no-abbrev", "-c", "--diff-filter=d", "--full-history"},
                     0,
                     0};
  auto output = HV_TRY(base::run_command(git_spec(command), tip + "\n" + known, std::chrono::minutes(5), most_output));
  if (output.status.shell_code() != 0)
    return Failure(base::io_error("look through the commits: " + base::printable(output.err.substr(0, 300))));
  std::vector<CommittedFile> files;
  std::vector<std::string> parts = base::split(output.out, '\0');
  for (size_t i = 0; i < parts.size(); ++i) {
    // Between commits stands an empty line or nothing.
    std::string_view text = parts[i];
    while (text.starts_with('\n')) text.remove_prefix(1);
    if (text.empty()) continue;
    CommittedFile file;
    if (!parse_entry(text, file) || i + 1 >= parts.size() || parts[i + 1].empty())
      return Failure(base::io_error("look through the commits: git said something unexpected"));
    file.path = parts[++i];
    files.push_back(std::move(file));
  }
  return files;
}

std::vector<core::Refusal> held_in_commits(const std::string& scratch, const Repository& repository,
                                           const Opened& opened, const std::string& ref,
                                           const std::vector<CommittedFile>& files) {
  Judge judge(scratch, repository, opened, files);
  std::vector<core::Refusal> held;
  std::set<std::string> told;
  for (const CommittedFile& file : files) {
    std::string why = judge.reason(file);
    if (why.empty() || !told.insert(file.path).second) continue;
    auto place = judge.place_of(file.path);
    std::string reason = "a commit of " + ref + " contains " + (place ? "it" : "'" + base::printable(file.path) + "'") +
                         ", and a checkout would bring it: " + why;
    held.push_back({place ? *std::move(place) : baseline_key(repository, ref), std::move(reason)});
  }
  return held;
}

}  // namespace hv::workspace
