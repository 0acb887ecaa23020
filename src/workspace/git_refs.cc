#include "workspace/git_refs.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "workspace/bytes.h"
#include "workspace/changes.h"

namespace hv::workspace {

using base::Fd;
using base::Result;
using base::Status;

static constexpr size_t largest_packed_refs = size_t{64} << 20;
static constexpr size_t most_refs = 100'000;
static constexpr int deepest_ref = 32;

bool Layers::lower_shows(std::string_view path) const {
  if (lower == nullptr) return false;
  if (upper == nullptr) return true;
  for (std::string_view up = path; !up.empty(); up = parent_of(up)) {
    auto entry = upper->stat(up);
    if (!entry) return false;
    if (!*entry) continue;
    if (up.size() == path.size()) {
      if ((*entry)->type != FileType::directory) return false;
    } else if ((*entry)->type != FileType::directory || is_opaque(*upper, up)) {
      return false;
    }
  }
  return true;
}

Result<std::optional<Entry>> Layers::stat(std::string_view path) const {
  if (upper != nullptr) {
    std::optional<Entry> entry = HV_TRY(upper->stat(path));
    if (entry) return is_whiteout(*upper, path, *entry) ? std::nullopt : entry;
  }
  if (!lower_shows(path)) return std::nullopt;
  return lower->stat(path);
}

bool Layers::touched(std::string_view path) const {
  if (upper == nullptr) return false;
  auto entry = upper->stat(path);
  return (entry && *entry) || (lower != nullptr && !lower_shows(path));
}

Result<std::optional<std::string>> Layers::read(std::string_view path, size_t limit) const {
  std::optional<Entry> entry = HV_TRY(stat(path));
  if (!entry || entry->type != FileType::regular) return std::nullopt;
  bool from_upper = upper != nullptr && HV_TRY(upper->stat(path)).has_value();
  Fd fd = HV_TRY((from_upper ? upper : lower)->open_regular(path));
  return HV_TRY(base::read_all(fd.get(), limit));
}

Result<std::vector<std::string>> Layers::list(std::string_view path) const {
  std::set<std::string> names;
  auto add_all = [&](const Tree& tree) -> Status {
    std::optional<Entry> entry = HV_TRY(tree.stat(path));
    if (!entry || entry->type != FileType::directory) return {};
    for (std::string& name : HV_TRY(tree.list(path))) names.insert(std::move(name));
    return {};
  };
  bool hides = upper != nullptr && !path.empty() && is_opaque(*upper, path);
  if (lower_shows(path) && !hides) HV_TRY(add_all(*lower));
  if (upper != nullptr) HV_TRY(add_all(*upper));
  return std::vector<std::string>(names.begin(), names.end());
}

bool is_object_id(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_transferable_ref(std::string_view name) {
  bool known = std::ranges::any_of(
      std::initializer_list<std::string_view>{"refs/heads/", "refs/tags/", "refs/notes/", "refs/remotes/"},
      [&](std::string_view space) { return name.starts_with(space); });
  if (!known || name.size() > 1000 || !base::is_valid_utf8(name)) return false;
  if (name.find("..") != std::string_view::npos || name.find("@{") != std::string_view::npos || name.ends_with('.'))
    return false;
  for (char c : name)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f ||
        std::string_view("~^:?*[\\").find(c) != std::string_view::npos)
      return false;
  for (const std::string& part : base::split(name, '/'))
    if (part.empty() || part.starts_with('.') || part.ends_with(".lock")) return false;
  return true;
}

static std::string_view first_line(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  while (text.ends_with(' ') || text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

static Status read_loose(const Layers& layers, const std::string& directory, const std::string& name, int depth,
                         Refs& refs) {
  if (depth > deepest_ref || refs.size() > most_refs) return {};
  for (const std::string& entry_name : HV_TRY(layers.list(join_path(directory, name)))) {
    std::string full = name + "/" + entry_name;
    std::string path = join_path(directory, full);
    std::optional<Entry> entry = HV_TRY(layers.stat(path));
    if (!entry) {
      continue;
    }
    if (entry->type == FileType::directory) {
      HV_TRY(read_loose(layers, directory, full, depth + 1, refs));
      continue;
    }
    auto text = layers.read(path, 4096);
    if (!text || !*text || !is_transferable_ref(full)) continue;
    std::string_view id = first_line(**text);
    if (is_object_id(id)) refs[full] = id;
  }
  return {};
}

Result<Refs> read_refs(const Layers& layers, const std::string& directory) {
  Refs refs;
  std::optional<std::string> packed = HV_TRY(layers.read(join_path(directory, "packed-refs"), largest_packed_refs));
  for (const std::string& line : base::split(packed.value_or(""), '\n')) {
    std::string_view text = line;
    size_t space = text.find(' ');
    if (text.starts_with('#') || text.starts_with('^') || space == std::string_view::npos) continue;
    std::string_view name = text.substr(space + 1);
    if (is_object_id(text.substr(0, space)) && is_transferable_ref(name) && refs.size() <= most_refs)
      refs[std::string(name)] = text.substr(0, space);
  }
  for (const char* space : {"refs/heads", "refs/tags", "refs/notes", "refs/remotes"})
    HV_TRY(read_loose(layers, directory, space, 0, refs));
  return refs;
}

Result<std::string> read_head(const Layers& layers, const std::string& directory) {
  std::optional<std::string> text = HV_TRY(layers.read(join_path(directory, "HEAD"), 4096));
  if (!text) return std::string{};
  std::string_view line = first_line(*text);
  if (is_object_id(line) || !branch_of(line).empty()) return std::string(line);
  return std::string{};
}

std::string branch_of(std::string_view head) {
  if (!head.starts_with("ref: ")) return {};
  head.remove_prefix(5);
  return is_transferable_ref(head) && head.starts_with("refs/heads/") ? std::string(head) : std::string();
}

}  // namespace hv::workspace
