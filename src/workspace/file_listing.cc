#include "workspace/file_listing.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <limits>
#include <utility>

#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "workspace/bytes.h"
#include "workspace/changes.h"
#include "workspace/file_events.h"
#include "workspace/file_fold.h"
#include "workspace/live.h"

namespace hv::workspace {

using base::Error;
using base::Failure;
using base::Result;
using base::Status;
using core::FileEvent;
namespace json = base::json;

namespace {

// Where what was seen lies: of the workspace, and of the repository outside of it.
constexpr const char* kOverlays[] = {"", "-git"};
constexpr std::string_view kPending = "/files.pending";
constexpr size_t kLargest = size_t{256} << 20;

std::string seen_file(const std::string& records, const char* overlay, const char* which) {
  return records + "/files" + overlay + "." + which;
}

json::Object to_json(const core::FileState& state) {
  return {{"type", core::name_of(state.type)},
          {"mode", state.mode},
          {"uid", state.uid},
          {"gid", state.gid},
          {"size", state.size}};
}

template <typename T>
Result<T> number(json::ObjectReader& reader, std::string_view name) {
  int64_t value = HV_TRY(reader.integer(name));
  if (value < 0 || std::cmp_greater(value, std::numeric_limits<T>::max()))
    return Failure(base::invalid_argument(reader.path_of(name) + ": out of range"));
  return static_cast<T>(value);
}

Result<std::optional<core::FileState>> state_member(json::ObjectReader& reader, std::string_view name) {
  const json::Value* value = reader.member(name);
  if (value == nullptr) return std::nullopt;
  auto members = HV_TRY(json::ObjectReader::over(*value, reader.path_of(name)));
  core::FileState state;
  std::string type = HV_TRY(members.string("type"));
  state.type = HV_TRY(core::parse_name<core::FileType>(type));
  state.mode = HV_TRY(number<uint32_t>(members, "mode"));
  state.uid = HV_TRY(number<uint32_t>(members, "uid"));
  state.gid = HV_TRY(number<uint32_t>(members, "gid"));
  state.size = HV_TRY(number<uint64_t>(members, "size"));
  HV_TRY(members.finish());
  return std::optional(state);
}

json::Object to_json(const FileEvent& event) {
  json::Object object{{"kind", core::name_of(event.kind)}, {"path", encode_bytes(event.path)}};
  if (!event.old_path.empty()) object["old_path"] = encode_bytes(event.old_path);
  if (event.before) object["before"] = to_json(*event.before);
  if (event.after) object["after"] = to_json(*event.after);
  if (event.host_changed) object["host_changed"] = true;
  if (event.unclaimed) object["unclaimed"] = true;
  if (event.count == 0) return object;
  json::Array paths;
  for (const std::string& path : event.paths) paths.emplace_back(encode_bytes(path));
  object["count"] = event.count;
  object["paths"] = std::move(paths);
  object["digest"] = event.digest;
  return object;
}

Result<FileEvent> event_from(const json::Value& value) {
  auto reader = HV_TRY(json::ObjectReader::over(value, "events"));
  FileEvent event;
  std::string kind = HV_TRY(reader.string("kind"));
  event.kind = HV_TRY(core::parse_name<core::FileEventKind>(kind));
  std::string path = HV_TRY(reader.string("path"));
  event.path = HV_TRY(decode_bytes(path));
  std::optional<std::string> old_path = HV_TRY(reader.optional_string("old_path"));
  if (old_path) event.old_path = HV_TRY(decode_bytes(*old_path));
  event.before = HV_TRY(state_member(reader, "before"));
  event.after = HV_TRY(state_member(reader, "after"));
  event.host_changed = HV_TRY(reader.boolean_or("host_changed", false));
  event.unclaimed = HV_TRY(reader.boolean_or("unclaimed", false));
  if (reader.member("count") != nullptr) event.count = HV_TRY(number<uint64_t>(reader, "count"));
  event.paths = HV_TRY(reader.strings_or_empty("paths"));
  for (std::string& named : event.paths) named = HV_TRY(decode_bytes(named));
  event.digest = HV_TRY(reader.optional_string("digest")).value_or("");
  HV_TRY(reader.finish());
  return event;
}

struct Listing {
  const std::string& records;
  int64_t instant;
  std::vector<FileEvent> events;

  Status add(const char* overlay, const std::string& root, const Tree& before, const Tree& after,
             const std::vector<Change>& changes, bool times_kept) {
    // One that cannot be read was not told of: what was told twice is better than what was never told.
    SeenFiles seen = SeenFiles::load(seen_file(records, overlay, "seen")).value_or(SeenFiles{});
    FileFindings found = find_file_events(before, after, changes, seen, instant, times_kept);
    HV_TRY(found.seen.save(seen_file(records, overlay, "next")));
    take(std::move(found.events), root);
    return {};
  }

  void take(std::vector<FileEvent> found, const std::string& root) {
    for (FileEvent& event : fold_events(std::move(found), root)) events.push_back(std::move(event));
  }
};

Status list_overlays(const Places& places, Listing& listing) {
  Opened opened = HV_TRY(Opened::at(places.host, places.records));
  Baseline baseline = HV_TRY(opened.baseline());
  ChangeSet set = HV_TRY(find_changes(opened.host, opened.upper, baseline, Scope::everything));
  HV_TRY(listing.add(kOverlays[0], places.host, opened.host, opened.upper, set.changes, true));
  if (places.git_host.empty()) return {};
  Tree host = HV_TRY(Tree::open(places.git_host));
  Tree upper = HV_TRY(Tree::open(places.records + "/git-upper/upper"));
  set = HV_TRY(find_changes(host, upper, baseline, Scope::everything));
  return listing.add(kOverlays[1], places.git_host, host, upper, set.changes, true);
}

Status list_live(const Places& places, Listing& listing) {
  Tree tree = HV_TRY(Tree::open(places.host));
  auto store = HV_TRY(PreimageStore::open(std::move(tree), places.records + "/preimages"));
  std::vector<Change> changes = HV_TRY(find_live_changes(store));
  HV_TRY(listing.add(kOverlays[0], places.host, store.tree(), store.workspace(), changes, false));
  Tree records = HV_TRY(Tree::open(places.records));
  std::optional<Entry> due = HV_TRY(records.stat("files.due"));
  if (!due) return {};
  size_t known = listing.events.size();
  listing.take(find_unclaimed(store, changes, due->mtime), places.host);
  for (size_t i = known; i < listing.events.size(); ++i) listing.events[i].unclaimed = true;
  return {};
}

}  // namespace

Result<uint64_t> list_files(const Places& places, core::WorkspaceMode mode, uint64_t first) {
  if (base::path_exists(places.records + std::string(kPending)))
    return Failure(base::conflict("list what the sandbox did to files: an earlier list is not recorded yet"));
  Listing listing{
      places.records, std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1), {}};
  HV_TRY(mode == core::WorkspaceMode::live ? list_live(places, listing) : list_overlays(places, listing));
  PendingFiles files{first, std::move(listing.events)};
  HV_TRY(base::write_file_atomically(places.records + std::string(kPending), to_text(files)));
  return files.events.size();
}

Result<std::optional<PendingFiles>> pending_files(const std::string& records) {
  std::string file = records + std::string(kPending);
  if (!base::path_exists(file)) return std::nullopt;
  std::string text = HV_TRY(base::read_file(file, kLargest));
  return std::optional(HV_TRY_CONTEXT(parse_pending_files(text), "read " + file));
}

Status settle_files(const std::string& records) {
  for (const char* overlay : kOverlays) {
    std::string next = seen_file(records, overlay, "next");
    if (::rename(next.c_str(), seen_file(records, overlay, "seen").c_str()) != 0 && errno != ENOENT)
      return Failure(Error::from_errno(errno, "note what was recorded of files in", next));
  }
  std::string pending = records + std::string(kPending);
  if (::unlink(pending.c_str()) != 0 && errno != ENOENT) return Failure(Error::from_errno(errno, "remove", pending));
  return {};
}

Status forget_files(const std::string& records, const std::vector<std::string>& paths) {
  std::string file = seen_file(records, kOverlays[0], "seen");
  if (paths.empty() || !base::path_exists(file)) return {};
  auto seen = SeenFiles::load(file);
  if (!seen) return {};
  seen->forget(paths);
  return seen->save(file);
}

std::string to_text(const PendingFiles& files) {
  json::Array events;
  for (const FileEvent& event : files.events) events.emplace_back(to_json(event));
  return json::serialize(json::Object{{"version", 1}, {"first", files.first}, {"events", std::move(events)}});
}

Result<PendingFiles> parse_pending_files(std::string_view text) {
  json::Value document = HV_TRY(json::parse(text));
  auto reader = HV_TRY(json::ObjectReader::over(document));
  if (int64_t version = HV_TRY(reader.integer("version")); version != 1)
    return Failure(base::unsupported("a list of files of another version of hydravisor"));
  PendingFiles files;
  files.first = HV_TRY(number<uint64_t>(reader, "first"));
  const json::Value* events = reader.member("events");
  HV_TRY(reader.finish());
  if (events == nullptr || !events->is_array()) return Failure(base::invalid_argument("events: expected a list"));
  for (const json::Value& event : events->get_array()) files.events.push_back(HV_TRY(event_from(event)));
  return files;
}

}  // namespace hv::workspace
