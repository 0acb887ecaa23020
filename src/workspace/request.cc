#include "workspace/request.h"

#include <algorithm>
#include <array>

#include "base/process.h"
#include "base/text.h"
#include "core/names.h"
#include "wire/types.h"
#include "workspace/bytes.h"

namespace hv::workspace {

using base::Error;
using base::ErrorCode;
using base::Failure;
using base::Result;
using base::Status;
namespace json = base::json;

static constexpr std::array<std::pair<Operation, std::string_view>, 7> operations{
    {{Operation::diff, "diff"},
     {Operation::apply, "apply"},
     {Operation::discard, "discard"},
     {Operation::undo, "undo"},
     {Operation::recover, "recover"},
     {Operation::sync_plan, "sync_plan"},
     {Operation::list_files, "list_files"}}};

static json::Array encoded(const std::vector<std::string>& paths) {
  json::Array array;
  for (const std::string& path : paths) array.push_back(json::Value(encode_bytes(path)));
  return array;
}

static Result<std::vector<std::string>> paths_member(json::ObjectReader& reader, std::string_view name) {
  std::vector<std::string> paths = HV_TRY(reader.strings_or_empty(name));
  for (std::string& path : paths) path = HV_TRY(decode_bytes(path));
  return paths;
}

std::string to_text(const Request& request) {
  json::Object object{{"version", 1},
                      {"mode", request.mode == core::WorkspaceMode::live ? "live" : "cow"},
                      {"host", encode_bytes(request.places.host)},
                      {"records", encode_bytes(request.places.records)},
                      {"git_host", encode_bytes(request.places.git_host)},
                      {"home", encode_bytes(request.places.home)},
                      {"config_home", encode_bytes(request.places.config_home)},
                      {"running", request.running}};
  for (const auto& [operation, name] : operations)
    if (operation == request.operation) object["operation"] = name;
  object["diff"] = wire::to_json(request.diff);
  object["apply"] = wire::to_json(request.apply);
  object["discard"] = wire::to_json(request.discard);
  object["sync_paths"] = encoded(request.sync_paths);
  object["first_event"] = request.first_event;
  return json::serialize(object);
}

static Result<std::string> path_member(json::ObjectReader& reader, std::string_view name) {
  std::string text = HV_TRY(reader.string(name));
  return decode_bytes(text);
}

Result<Request> parse_request(std::string_view text) {
  json::Value document = HV_TRY(json::parse(text));
  auto reader = HV_TRY(json::ObjectReader::over(document));
  Request request;
  int64_t version = HV_TRY(reader.integer("version"));
  if (version != 1) return Failure(base::unsupported("the request is of another version of hydravisor"));
  std::string operation = HV_TRY(reader.string("operation"));
  bool known = false;
  for (const auto& [value, name] : operations)
    if (name == operation) request.operation = value, known = true;
  if (!known) return Failure(base::invalid_argument("unknown operation '" + base::printable(operation) + "'"));
  std::string mode = HV_TRY(reader.string("mode"));
  request.mode = mode == "live" ? core::WorkspaceMode::live : core::WorkspaceMode::cow;
  request.places.host = HV_TRY(path_member(reader, "host"));
  request.places.records = HV_TRY(path_member(reader, "records"));
  request.places.git_host = HV_TRY(path_member(reader, "git_host"));
  for (auto& [name, value] : {std::pair("home", &request.places.home), {"config_home", &request.places.config_home}})
    if (std::optional<std::string> path = HV_TRY(reader.optional_string(name))) *value = HV_TRY(decode_bytes(*path));
  request.running = HV_TRY(reader.boolean_or("running", false));
  if (const json::Value* value = reader.member("diff"))
    request.diff = HV_TRY(wire::from_json<core::DiffRequest>(*value));
  if (const json::Value* value = reader.member("apply"))
    request.apply = HV_TRY(wire::from_json<core::ApplyRequest>(*value));
  if (const json::Value* value = reader.member("discard"))
    request.discard = HV_TRY(wire::from_json<core::DiscardRequest>(*value));
  request.sync_paths = HV_TRY(paths_member(reader, "sync_paths"));
  int64_t first = HV_TRY(reader.optional_integer("first_event")).value_or(1);
  if (first < 1) return Failure(base::invalid_argument("first_event: must be positive"));
  request.first_event = static_cast<uint64_t>(first);
  HV_TRY(reader.finish());
  return request;
}

std::string answer_text(const Result<json::Value>& answer) {
  if (answer) return json::serialize(json::Object{{"result", *answer}});
  const Error& error = answer.error();
  return json::serialize(json::Object{{"error", json::Object{{"code", base::code_name(error.code())},
                                                             {"message", encode_bytes(error.message())},
                                                             {"hint", encode_bytes(error.hint())}}}});
}

Result<json::Value> parse_answer(std::string_view text) {
  json::Value document = HV_TRY(json::parse(text));
  auto reader = HV_TRY(json::ObjectReader::over(document));
  if (const json::Value* result = reader.member("result")) return *result;
  const json::Value* failed = reader.member("error");
  if (failed == nullptr) return Failure(base::internal_error("neither a result nor an error"));
  auto error = HV_TRY(json::ObjectReader::over(*failed, "error"));
  std::string code = HV_TRY(error.string("code"));
  std::string message = HV_TRY(path_member(error, "message"));
  std::string hint = HV_TRY(path_member(error, "hint"));
  constexpr ErrorCode codes[] = {
      ErrorCode::invalid_argument, ErrorCode::not_found,   ErrorCode::already_exists, ErrorCode::denied,
      ErrorCode::conflict,         ErrorCode::unavailable, ErrorCode::unsupported,    ErrorCode::timeout,
      ErrorCode::cancelled,        ErrorCode::io,          ErrorCode::internal};
  for (ErrorCode candidate : codes)
    if (base::code_name(candidate) == code) return Failure(Error(candidate, message).with_hint(hint));
  return Failure(base::internal_error(message));
}

json::Value to_json(const SyncPlan& plan) {
  json::Array conflicts;
  for (const core::Refusal& refusal : plan.conflicts)
    conflicts.push_back(json::Object{{"path", encode_bytes(refusal.path)}, {"reason", refusal.reason}});
  return json::Object{
      {"bring_in", encoded(plan.bring_in)}, {"remove", encoded(plan.remove)}, {"conflicts", std::move(conflicts)}};
}

Result<SyncPlan> sync_plan_from_json(const json::Value& value) {
  auto reader = HV_TRY(json::ObjectReader::over(value));
  SyncPlan plan;
  plan.bring_in = HV_TRY(paths_member(reader, "bring_in"));
  plan.remove = HV_TRY(paths_member(reader, "remove"));
  const json::Value* conflicts = reader.member("conflicts");
  HV_TRY(reader.finish());
  if (conflicts == nullptr || !conflicts->is_array())
    return Failure(base::invalid_argument("conflicts: expected a list"));
  for (const json::Value& conflict : conflicts->get_array()) {
    auto refusal = HV_TRY(json::ObjectReader::over(conflict, "conflicts"));
    std::string path = HV_TRY(path_member(refusal, "path"));
    plan.conflicts.push_back({std::move(path), HV_TRY(refusal.string("reason"))});
    HV_TRY(refusal.finish());
  }
  return plan;
}

Result<json::Value> Worker::call(const Request& request) const {
  base::CommandSpec command;
  command.program = program_;
  command.environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8"};
  auto output =
      HV_TRY_CONTEXT(base::run_command(command, to_text(request), std::chrono::minutes(15), size_t{256} << 20),
                     "start hydravisor-worker");
  auto answer = parse_answer(output.out);
  if (output.out.empty())
    return Failure(base::internal_error("hydravisor-worker ended with status " +
                                        std::to_string(output.status.shell_code()) +
                                        " and no answer: " + base::printable(output.err.substr(0, 500))));
  return answer;
}

Result<core::ChangeReport> Worker::diff(const Places& places, core::WorkspaceMode mode,
                                        const core::DiffRequest& request) const {
  Request asked;
  asked.mode = mode;
  asked.places = places;
  asked.diff = request;
  json::Value answer = HV_TRY(call(asked));
  return wire::from_json<core::ChangeReport>(answer);
}

Result<core::ApplyReport> Worker::apply(const Places& places, core::WorkspaceMode mode,
                                        const core::ApplyRequest& request) const {
  Request asked;
  asked.operation = Operation::apply;
  asked.mode = mode;
  asked.places = places;
  asked.apply = request;
  json::Value answer = HV_TRY(call(asked));
  return wire::from_json<core::ApplyReport>(answer);
}

Result<core::PathsReport> Worker::discard(const Places& places, core::WorkspaceMode mode,
                                          const core::DiscardRequest& request, bool running) const {
  Request asked;
  asked.operation = Operation::discard;
  asked.mode = mode;
  asked.places = places;
  asked.running = running;
  asked.discard = request;
  json::Value answer = HV_TRY(call(asked));
  return wire::from_json<core::PathsReport>(answer);
}

Result<core::PathsReport> Worker::undo(const Places& places, core::WorkspaceMode mode) const {
  Request asked;
  asked.operation = Operation::undo;
  asked.mode = mode;
  asked.places = places;
  json::Value answer = HV_TRY(call(asked));
  return wire::from_json<core::PathsReport>(answer);
}

Result<SyncPlan> Worker::sync_plan(const Places& places, const std::vector<std::string>& paths) const {
  Request asked;
  asked.operation = Operation::sync_plan;
  asked.places = places;
  asked.sync_paths = paths;
  json::Value answer = HV_TRY(call(asked));
  return sync_plan_from_json(answer);
}

Result<uint64_t> Worker::list_files(const Places& places, core::WorkspaceMode mode, uint64_t first) const {
  Request asked;
  asked.operation = Operation::list_files;
  asked.mode = mode;
  asked.places = places;
  asked.first_event = first;
  json::Value answer = HV_TRY(call(asked));
  auto reader = HV_TRY(json::ObjectReader::over(answer));
  int64_t events = HV_TRY(reader.integer("events"));
  return static_cast<uint64_t>(std::max<int64_t>(0, events));
}

Result<std::string> Worker::recover(const Places& places, core::WorkspaceMode mode) const {
  Request asked;
  asked.operation = Operation::recover;
  asked.mode = mode;
  asked.places = places;
  json::Value answer = HV_TRY(call(asked));
  return HV_TRY(json::ObjectReader::over(answer)).string("operation");
}

}  // namespace hv::workspace
