#include "store/sandbox_store.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/remove_tree.h"
#include "wire/types.h"

namespace hv::store {

namespace {

constexpr int64_t kVersion = 1;
// No id begins so.
constexpr std::string_view kAside = ".removing-";
constexpr std::string_view kReserveName = "/reserve";
constexpr off_t kReserve = 32 * 1024;

base::Status read_behavior(base::json::ObjectReader& reader, StoredSandbox& sandbox) {
  sandbox.home_inside = HV_TRY(reader.string("home"));
  sandbox.behavior_since = static_cast<uint64_t>(HV_TRY(reader.integer("since")));
  sandbox.isolated_by = HV_TRY(reader.string("isolated_by"));
  const base::json::Value* rules = reader.member("rules");
  if (rules == nullptr || !rules->is_array()) return base::Failure(base::invalid_argument("'rules' must be a list"));
  for (const base::json::Value& item : rules->get_array()) {
    auto rule = HV_TRY(base::json::ObjectReader::over(item));
    StoredRule stored{HV_TRY(rule.string("text")), HV_TRY(rule.string("origin"))};
    HV_TRY(rule.finish());
    sandbox.behavior.push_back(std::move(stored));
  }
  return reader.finish();
}

base::json::Object write_behavior(const StoredSandbox& sandbox) {
  base::json::Array rules;
  for (const StoredRule& rule : sandbox.behavior)
    rules.emplace_back(base::json::Object{{"text", rule.text}, {"origin", rule.origin}});
  return {{"home", sandbox.home_inside},
          {"since", sandbox.behavior_since},
          {"isolated_by", sandbox.isolated_by},
          {"rules", std::move(rules)}};
}

base::json::Array to_array(const std::vector<std::string>& texts) {
  return base::json::Array(texts.begin(), texts.end());
}

base::Result<core::AuditRules> read_audit(base::json::ObjectReader& reader) {
  core::AuditRules audit;
  audit.arguments = HV_TRY(reader.boolean("arguments"));
  audit.files = HV_TRY(reader.boolean("files"));
  audit.request_paths = HV_TRY(reader.boolean("request_paths"));
  audit.redact_names = HV_TRY(reader.strings("redact_names"));
  audit.redact_patterns = HV_TRY(reader.strings("redact_patterns"));
  audit.keep_payloads_millis = static_cast<uint64_t>(HV_TRY(reader.integer("keep_payloads_ms")));
  HV_TRY(reader.finish());
  return audit;
}

base::json::Object write_audit(const core::AuditRules& audit) {
  return {{"arguments", audit.arguments},
          {"files", audit.files},
          {"request_paths", audit.request_paths},
          {"redact_names", to_array(audit.redact_names)},
          {"redact_patterns", to_array(audit.redact_patterns)},
          {"keep_payloads_ms", audit.keep_payloads_millis}};
}

base::Result<StoredSandbox> parse(std::string_view text) {
  base::json::Value value = HV_TRY(base::json::parse(text));
  auto reader = HV_TRY(base::json::ObjectReader::over(value));
  if (int64_t version = HV_TRY(reader.integer("version")); version != kVersion)
    return base::Failure(
        base::unsupported("written by another version of Hydravisor (format " + std::to_string(version) + ")"));
  StoredSandbox sandbox;
  sandbox.host_root = HV_TRY(reader.boolean("host_root"));
  sandbox.remove_when_done = HV_TRY(reader.boolean("remove_when_done"));
  sandbox.twin = HV_TRY(reader.boolean_or("twin", false));
  if (const base::json::Value* behavior = reader.member("behavior")) {
    auto rules = HV_TRY(base::json::ObjectReader::over(*behavior));
    HV_TRY(read_behavior(rules, sandbox));
  }
  if (const base::json::Value* audit = reader.member("audit")) {
    auto rules = HV_TRY(base::json::ObjectReader::over(*audit));
    sandbox.audit = HV_TRY(read_audit(rules));
  }
  sandbox.ends_at = HV_TRY(reader.optional_integer("ends_at"));
  sandbox.end_reason = HV_TRY(reader.optional_string("end_reason")).value_or("");
  if (auto id_base = HV_TRY(reader.optional_integer("id_base"))) sandbox.id_base = static_cast<uint32_t>(*id_base);
  const base::json::Value* info = reader.member("info");
  const base::json::Value* request = reader.member("request");
  if (info == nullptr || request == nullptr)
    return base::Failure(base::invalid_argument("'info' or 'request' is missing"));
  sandbox.info = HV_TRY(wire::from_json<core::SandboxInfo>(*info));
  sandbox.request = HV_TRY(wire::from_json<core::RunRequest>(*request));
  HV_TRY(reader.finish());
  return sandbox;
}

}  // namespace

base::Status SandboxStore::create(const core::SandboxId& id) const {
  std::string path = path_of(id.text());
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    if (errno != ENOENT) return base::Failure(base::Error::from_errno(errno, "make the sandbox's directory", path));
    HV_TRY(base::make_directories(path));
  }
  std::string reserve = path + std::string(kReserveName);
  base::Fd file = HV_TRY(base::open_file(reserve, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  // A file system that cannot promise blocks does without.
  if (::fallocate(file.get(), 0, 0, kReserve) != 0 && errno == ENOSPC)
    return base::Failure(base::Error::from_errno(errno, "make the sandbox's directory", path));
  return {};
}

bool SandboxStore::give_back_reserve(const std::string& id) const {
  return ::unlink((path_of(id) + std::string(kReserveName)).c_str()) == 0;
}

base::Status SandboxStore::save(const StoredSandbox& sandbox) const {
  base::json::Object file;
  file["version"] = kVersion;
  file["host_root"] = sandbox.host_root;
  if (sandbox.id_base) file["id_base"] = *sandbox.id_base;
  file["remove_when_done"] = sandbox.remove_when_done;
  if (sandbox.twin) file["twin"] = true;
  if (sandbox.ends_at) {
    file["ends_at"] = *sandbox.ends_at;
    file["end_reason"] = sandbox.end_reason;
  }
  if (!sandbox.behavior.empty()) file["behavior"] = write_behavior(sandbox);
  if (sandbox.audit != core::AuditRules{}) file["audit"] = write_audit(sandbox.audit);
  file["info"] = wire::to_json(sandbox.info);
  file["request"] = wire::to_json(sandbox.request);
  return base::replace_file(path_of(sandbox.info.id) + "/sandbox.json", base::json::serialize(file));
}

base::Result<std::vector<StoredSandbox>> SandboxStore::load_all(std::vector<std::string>& problems) const {
  std::vector<StoredSandbox> sandboxes;
  DIR* stream = ::opendir(directory_.c_str());
  if (stream == nullptr) {
    if (errno == ENOENT) return sandboxes;
    return base::Failure(base::Error::from_errno(errno, "list sandboxes in", directory_));
  }
  while (dirent* entry = ::readdir(stream)) {
    base::Result<core::SandboxId> id = core::SandboxId::parse(entry->d_name);
    if (!id) continue;
    std::string file = path_of(id->text()) + "/sandbox.json";
    base::Result<std::string> text = base::read_file(file);
    base::Result<StoredSandbox> sandbox = text ? parse(*text) : base::Failure(text.error());
    if (sandbox && sandbox->info.id == id->text()) {
      sandboxes.push_back(*std::move(sandbox));
    } else {
      problems.push_back(file + ": " + (sandbox ? "names another sandbox" : sandbox.error().message()));
    }
  }
  ::closedir(stream);
  return sandboxes;
}

base::Status SandboxStore::remove(const std::string& id) const {
  return base::remove_tree(path_of(id));
}

base::Result<std::string> SandboxStore::set_aside(const std::string& id) const {
  std::string aside = directory_ + "/" + std::string(kAside) + id;
  if (::rename(path_of(id).c_str(), aside.c_str()) == 0) return aside;
  if (errno == ENOENT) return std::string();
  return base::Failure(base::Error::from_errno(errno, "remove the sandbox's directory", path_of(id)));
}

std::vector<std::string> SandboxStore::half_done() const {
  std::vector<std::string> paths;
  DIR* stream = ::opendir(directory_.c_str());
  if (stream == nullptr) return paths;
  while (dirent* entry = ::readdir(stream)) {
    std::string path = directory_ + "/" + entry->d_name;
    bool unnoted = core::SandboxId::parse(entry->d_name) && ::access((path + "/sandbox.json").c_str(), F_OK) != 0 &&
                   errno == ENOENT;
    if (unnoted || std::string_view(entry->d_name).starts_with(kAside)) paths.push_back(std::move(path));
  }
  ::closedir(stream);
  std::ranges::sort(paths);
  return paths;
}

}  // namespace hv::store
