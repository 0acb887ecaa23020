#include "wire/problem.h"

#include <array>

#include "base/json.h"
#include "base/text.h"

namespace hv::wire {

namespace {

using base::Error;
using base::ErrorCode;

struct Row {
  ErrorCode code;
  int status;
  std::string_view title;
};

// The one place where an error becomes a status. Of codes that share one, the first is what the status alone means.
constexpr std::array<Row, 11> kTable{{
    {ErrorCode::invalid_argument, 400, "The request is not valid"},
    {ErrorCode::denied, 403, "Not allowed"},
    {ErrorCode::not_found, 404, "Not found"},
    {ErrorCode::conflict, 409, "Not possible in the present state"},
    {ErrorCode::already_exists, 409, "Already exists"},
    {ErrorCode::internal, 500, "Internal error"},
    {ErrorCode::io, 500, "The system refused"},
    {ErrorCode::unsupported, 501, "Not supported here"},
    {ErrorCode::unavailable, 503, "Not available now"},
    {ErrorCode::cancelled, 503, "Cancelled"},
    {ErrorCode::timeout, 504, "Took too long"},
}};

const Row& row_of(ErrorCode code) {
  for (const Row& row : kTable)
    if (row.code == code) return row;
  return kTable[5];
}

}  // namespace

int status_of(ErrorCode code) {
  return row_of(code).status;
}

ErrorCode code_of(int status) {
  for (const Row& row : kTable)
    if (row.status == status) return row.code;
  return status >= 400 && status < 500 ? ErrorCode::invalid_argument : ErrorCode::internal;
}

std::string problem_text(const Error& error) {
  const Row& row = row_of(error.code());
  return problem_text(error, row.status, row.title);
}

std::string problem_text(const Error& error, int status, std::string_view title) {
  base::json::Object problem;
  problem["type"] = "urn:hydravisor:" + std::string(base::code_name(error.code()));
  problem["title"] = title;
  problem["status"] = status;
  problem["code"] = base::code_name(error.code());
  problem["detail"] = base::printable_lines(error.message());
  if (!error.hint().empty()) problem["hint"] = base::printable_lines(error.hint());
  return base::json::serialize(problem);
}

Error read_problem(int status, std::string_view body) {
  ErrorCode code = code_of(status);
  auto value = base::json::parse(body);
  const base::json::Object* problem = value ? value->if_object() : nullptr;
  if (problem == nullptr) return Error(code, "the daemon answered " + std::to_string(status));
  auto text = [&](std::string_view name) {
    const base::json::Value* member = problem->if_contains(name);
    return member != nullptr && member->is_string() ? std::string(member->get_string()) : std::string();
  };
  for (const Row& row : kTable)
    if (base::code_name(row.code) == text("code")) code = row.code;
  std::string detail = text("detail");
  if (detail.empty()) detail = "the daemon answered " + std::to_string(status);
  return Error(code, std::move(detail)).with_hint(text("hint"));
}

}  // namespace hv::wire
