#include "policy/catalog.h"

#include <algorithm>
#include <filesystem>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "policy/extend.h"
#include "policy/intersection.h"

namespace hv::policy {

namespace {

constexpr size_t kLargestFile = size_t{1} << 20;
constexpr size_t kMostTogether = 8;
constexpr std::string_view kSuffix = ".toml";

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    std::string file = it->path().filename().string();
    if (!file.ends_with(kSuffix)) continue;
    std::string name = file.substr(0, file.size() - kSuffix.size());
    if (is_policy_name(name)) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

// A file must not call itself something else: who copies restricted.toml to mine.toml means mine.
base::Result<Policy> Catalog::resolve(const core::PolicyInfo& found) const {
  auto load_source = [this](std::string_view name) -> base::Result<Source> {
    core::PolicyInfo info = HV_TRY(source(name));
    return Source{info.name, info.path, std::move(info.text)};
  };
  return policy::resolve({found.name, found.path, found.text}, load_source);
}

base::Result<core::PolicyInfo> Catalog::source(std::string_view name) const {
  core::PolicyInfo info;
  info.name = std::string(name);
  if (is_policy_name(name) && !directory_.empty()) {
    std::string path = directory_ + "/" + info.name + std::string(kSuffix);
    if (base::path_exists(path)) {
      info.provenance = core::Provenance::user;
      info.text = HV_TRY_CONTEXT(base::read_file(path, kLargestFile), base::format("policy '{}'", info.name));
      info.path = std::move(path);
      return info;
    }
  }
  if (std::string_view text = shipped_policies().find(name); !text.empty()) {
    info.path = base::format("policies/{}.toml (shipped)", name);
    info.text = std::string(text);
    return info;
  }
  std::vector<std::string> known = shipped_policies().names();
  for (std::string& user : names_in(directory_))
    if (std::ranges::find(known, user) == known.end()) known.push_back(std::move(user));
  std::string shown = base::printable(name.substr(0, 80));
  base::Error error =
      base::not_found(base::format("no policy is called '{}'; there are: {}", shown, base::join(known, ", ")));
  if (auto near = base::nearest(name, known))
    return base::Failure(std::move(error).with_hint("did you mean '" + *near + "'?"));
  return base::Failure(std::move(error).with_hint(base::format("write {}/{}.toml", directory_, shown)));
}

base::Result<Policy> Catalog::load(std::string_view name) const {
  if (size_t plus = name.rfind('+'); plus != std::string_view::npos) {
    if (std::ranges::count(name, '+') >= static_cast<ptrdiff_t>(kMostTogether))
      return base::Failure(base::invalid_argument(base::format("at most {} policies together", kMostTogether)));
    Policy first = HV_TRY(load(name.substr(0, plus)));
    Policy second = HV_TRY(load(name.substr(plus + 1)));
    return intersect(first, second);
  }
  core::PolicyInfo found = HV_TRY(source(name));
  return resolve(found);
}

base::Result<Policy> Catalog::resolve_text(std::string_view name, std::string path, std::string text) const {
  core::PolicyInfo info;
  info.name = std::string(name);
  info.path = std::move(path);
  info.text = std::move(text);
  return resolve(info);
}

base::Result<core::PolicyInfo> Catalog::write(std::string_view name, const std::string& text, bool replace) const {
  if (!is_policy_name(name))
    return base::Failure(base::invalid_argument(base::format(
        "'{}' cannot be a policy's name: expected letters, digits, '-' and '_'", base::printable(name.substr(0, 80)))));
  std::string path = base::format("{}/{}{}", directory_, name, kSuffix);
  (void)HV_TRY(resolve_text(name, path, text));
  HV_TRY(base::make_directories(directory_));
  if (!replace && base::path_exists(path))
    return base::Failure(
        base::already_exists(base::format("{} exists", path)).with_hint("choose another name, or --replace it"));
  HV_TRY(base::replace_file(path, text, 0600));
  return info(name);
}

base::Result<core::PolicyInfo> Catalog::info(std::string_view name) const {
  core::PolicyInfo found = HV_TRY(source(name));
  base::Result<Policy> policy = resolve(found);
  found.description = policy ? policy->description : policy.error().text();
  return found;
}

base::Result<std::vector<core::PolicyInfo>> Catalog::list() const {
  std::vector<std::string> names = shipped_policies().names();
  for (std::string& user : names_in(directory_)) names.push_back(std::move(user));
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  std::vector<core::PolicyInfo> all;
  for (const std::string& name : names) {
    base::Result<core::PolicyInfo> found = info(name);
    if (found) {
      found->text.clear();
      all.push_back(*std::move(found));
    } else {
      core::PolicyInfo unreadable;
      unreadable.name = name;
      unreadable.provenance = core::Provenance::user;
      unreadable.description = found.error().text();
      all.push_back(std::move(unreadable));
    }
  }
  return all;
}

}  // namespace hv::policy
