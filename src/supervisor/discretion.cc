#include "supervisor/discretion.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace hv::supervisor {

namespace {

uint16_t bounded(size_t count) {
  return static_cast<uint16_t>(std::min<size_t>(count, UINT16_MAX));
}

}  // namespace

base::Result<Discretion> Discretion::of(const core::AuditRules& rules) {
  Discretion discretion;
  discretion.rules_ = rules;
  discretion.own_ = HV_TRY(core::Redaction::of(rules));
  return discretion;
}

bool Discretion::apply(monitor::Record& record) const {
  bool is_of_a_file =
      std::holds_alternative<monitor::FileClaim>(record) || std::holds_alternative<monitor::FileSeen>(record);
  if (!rules_.files && is_of_a_file) return false;
  if (auto* attempt = std::get_if<monitor::ExecAttempt>(&record)) {
    if (!rules_.arguments) {
      attempt->omitted = bounded(attempt->omitted + std::max<size_t>(attempt->arguments.size(), 1) - 1);
      attempt->arguments.clear();
      attempt->redacted = 0;
    }
    if (own_.empty()) return true;
    size_t count = core::redact_arguments(attempt->arguments, &own_);
    for (std::string* text : {&attempt->path, &attempt->directory}) count += core::redact_text(*text, &own_);
    attempt->redacted = bounded(attempt->redacted + count);
  } else if (auto* observed = std::get_if<monitor::ExecObserved>(&record)) {
    apply(observed->executable);
  } else if (auto* claim = std::get_if<monitor::FileClaim>(&record)) {
    apply(claim->path);
    apply(claim->old_path);
  } else if (auto* seen = std::get_if<monitor::FileSeen>(&record)) {
    apply(seen->path);
    apply(seen->old_path);
  } else if (auto* exited = std::get_if<monitor::ProcessesExited>(&record)) {
    apply(exited->executable);
  }
  return true;
}

void Discretion::apply(core::NetworkEvent& event) const {
  if (!rules_.request_paths) event.path.clear();
  for (std::string* text : {&event.path, &event.name, &event.sni, &event.program}) apply(*text);
}

void Discretion::apply(std::string& text) const {
  if (!own_.empty()) core::redact_text(text, &own_);
}

// A pattern fits no quote and no backslash, so what it takes out of the text of a JSON string leaves one.
std::string Discretion::written(const base::json::Object& object) const {
  std::string text = base::json::serialize(object);
  if (!own_.empty()) own_.replace_matches(text);
  return text;
}

}  // namespace hv::supervisor
