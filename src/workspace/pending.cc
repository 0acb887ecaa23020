#include "workspace/pending.h"

#include <cerrno>

#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "workspace/bytes.h"

namespace hv::workspace {

using base::Failure;
using base::Result;
using base::Status;
namespace json = base::json;

namespace {

std::string file_in(const std::string& records) {
  return records + "/pending";
}

}  // namespace

Status Pending::note(const std::string& records) const {
  json::Array encoded;
  for (const std::string& path : paths) encoded.emplace_back(encode_bytes(path));
  json::Object document{{"version", 1}, {"operation", operation}, {"paths", std::move(encoded)}};
  return base::write_file_atomically(file_in(records), json::serialize(document) + "\n");
}

Result<std::optional<Pending>> Pending::find(const std::string& records) {
  auto text = base::read_file(file_in(records));
  if (!text && text.error().code() == base::ErrorCode::not_found) return std::nullopt;
  if (!text) return Failure(std::move(text).error());
  json::Value document = HV_TRY_CONTEXT(json::parse(*text), "read " + file_in(records));
  auto reader = HV_TRY(json::ObjectReader::over(document));
  if (HV_TRY(reader.integer("version")) != 1)
    return Failure(base::unsupported("read " + file_in(records) + ": written by another version"));
  Pending pending;
  pending.operation = HV_TRY(reader.string("operation"));
  for (const std::string& path : HV_TRY(reader.strings("paths"))) pending.paths.push_back(HV_TRY(decode_bytes(path)));
  HV_TRY(reader.finish());
  return pending;
}

Status Pending::forget(const std::string& records) {
  if (::unlink(file_in(records).c_str()) == 0 || errno == ENOENT) return {};
  return Failure(base::Error::from_errno(errno, "remove", file_in(records)));
}

}  // namespace hv::workspace
