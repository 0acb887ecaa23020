#include "service/file_record.h"

#include "base/format.h"
#include "base/text.h"

namespace hv::service {

namespace {

using core::FileEvent;
using core::FileEventKind;
using core::FileState;

std::string octal(uint32_t mode) {
  return base::format("{:04o}", mode);
}

void describe(base::json::Object& payload, const FileEvent& found) {
  const std::optional<FileState>& before = found.before;
  const std::optional<FileState>& after = found.after;
  const std::optional<FileState>& either = after ? after : before;
  if (!either) return;
  payload["type"] = core::name_of(either->type);
  if (before && after && before->type != after->type) payload["type_before"] = core::name_of(before->type);
  if (after) {
    payload["mode"] = octal(after->mode);
    payload["size"] = after->size;
    payload["uid"] = after->uid;
    payload["gid"] = after->gid;
  }
  // Where ids are mapped the number alone says nothing: only a change of it is told.
  if (!before) return;
  if (!after || before->mode != after->mode) payload["mode_before"] = octal(before->mode);
  if (!after || before->size != after->size) payload["size_before"] = before->size;
  if (found.kind == FileEventKind::owner) {
    payload["uid_before"] = before->uid;
    payload["gid_before"] = before->gid;
  }
}

}  // namespace

core::Event to_event(const FileEvent& found, const std::string& sandbox_id) {
  core::Event event;
  event.kind = base::format("file.{}", core::name_of(found.kind));
  event.sandbox = sandbox_id;
  event.principal = "agent:" + sandbox_id;
  event.trust = core::Trust::observed;
  bool escaped = false;
  auto text = [&](const std::string& bytes) {
    if (base::is_valid_utf8(bytes)) return bytes;
    escaped = true;
    return base::printable(bytes);
  };
  event.payload["path"] = text(found.path);
  if (!found.old_path.empty()) event.payload["old_path"] = text(found.old_path);
  if (found.count == 0) {
    describe(event.payload, found);
  } else {
    base::json::Array paths;
    for (const std::string& path : found.paths) paths.emplace_back(text(path));
    event.payload["count"] = found.count;
    event.payload["paths"] = std::move(paths);
    event.payload["sha256"] = found.digest;
  }
  if (found.host_changed) event.payload["host_changed"] = true;
  if (found.unclaimed) {
    event.payload["unclaimed"] = true;
    event.principal = "system";
    event.risk = core::Risk::low;
  }
  if (escaped) event.payload["escaped"] = true;
  return event;
}

std::string files_spool(const std::string& sandbox_id) {
  return sandbox_id + "/files";
}

}  // namespace hv::service
