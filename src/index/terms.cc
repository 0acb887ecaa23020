#include "index/terms.h"

#include <algorithm>
#include <array>

#include "base/format.h"
#include "base/json.h"
#include "core/event_facts.h"

namespace hv::index {

namespace {

// A mark is one word that no text has: it begins with a section sign, and a hash keeps it short and of plain letters.
std::string mark(char family, std::string_view value) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : value) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return base::format("\u00a7{}{:x}", family, hash);
}

constexpr std::array<core::Risk, 3> kRisks{core::Risk::low, core::Risk::medium, core::Risk::high};

std::string without_dot(std::string_view kind) {
  if (kind.ends_with('.')) kind.remove_suffix(1);
  return std::string(kind);
}

void add_envelope(const audit::Envelope& envelope, std::vector<std::string>& terms) {
  if (envelope.version != audit::kEnvelopeVersion) {
    terms.push_back(mark('k', core::kUnknownKind));
    return;
  }
  std::string_view kind = envelope.kind;
  for (size_t dot = kind.find('.'); dot != std::string_view::npos; dot = kind.find('.', dot + 1))
    terms.push_back(mark('k', kind.substr(0, dot)));
  terms.push_back(mark('k', kind));
  if (!envelope.sandbox.empty()) terms.push_back(mark('s', envelope.sandbox));
  terms.push_back(mark('u', envelope.principal));
  for (core::Risk risk : kRisks)
    if (envelope.risk >= risk) terms.push_back(mark('r', core::risk_name(risk)));
}

void add_payload(const std::string& payload, std::vector<std::string>& terms) {
  base::Result<base::json::Value> value = base::json::parse(payload);
  if (!value || !value->is_object()) return;
  core::EventFacts facts = core::facts_of(value->get_object());
  for (const std::string& path : facts.paths) {
    if (path.starts_with('/')) terms.push_back(mark('p', "/"));
    for (const std::string& place : core::with_ancestors(path)) terms.push_back(mark('p', place));
  }
  for (const std::string& host : facts.hosts)
    for (const std::string& domain : core::with_domains(host)) terms.push_back(mark('h', domain));
  if (!facts.verdict.empty()) terms.push_back(mark('v', facts.verdict));
  std::ranges::move(facts.words, std::back_inserter(terms));
}

}  // namespace

std::string terms_of(const audit::Entry& entry, bool with_payload) {
  std::vector<std::string> terms;
  add_envelope(entry.envelope, terms);
  bool readable =
      entry.envelope.version == audit::kEnvelopeVersion && entry.payload_state == audit::PayloadState::present;
  if (with_payload && readable) add_payload(entry.payload, terms);
  std::ranges::sort(terms);
  auto repeated = std::ranges::unique(terms);
  std::string text;
  for (const std::string& term : std::ranges::subrange(terms.begin(), repeated.begin())) {
    if (!text.empty()) text += ' ';
    text += term;
  }
  return text;
}

std::string expression_of(const core::AuditQuery& query) {
  std::string text;
  auto add = [&](std::string_view word, bool beginning = false) {
    text += base::format("{}\"{}\"{}", text.empty() ? "" : " ", word, beginning ? "*" : "");
  };
  if (query.sandbox) add(mark('s', *query.sandbox));
  if (query.kind && !without_dot(*query.kind).empty()) add(mark('k', without_dot(*query.kind)));
  if (query.principal) add(mark('u', *query.principal));
  if (query.risk && *query.risk != core::Risk::info) add(mark('r', core::risk_name(*query.risk)));
  if (query.verdict) add(mark('v', *query.verdict));
  if (query.host) add(mark('h', *query.host));
  if (query.path) {
    std::string_view path = *query.path;
    while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    add(mark('p', path));
  }
  if (query.text)
    for (const core::WantedWord& wanted : core::wanted_words(*query.text)) add(wanted.word, wanted.beginning);
  return text;
}

audit::Query envelope_query(const core::AuditQuery& query) {
  audit::Query asked;
  asked.from = !query.after ? 0 : *query.after == UINT64_MAX ? UINT64_MAX : *query.after + 1;
  asked.before = query.before;
  asked.sandbox = query.sandbox.value_or("");
  asked.kind_prefix = query.kind.value_or("");
  asked.principal = query.principal.value_or("");
  asked.since = query.since;
  asked.until = query.until;
  asked.newest_first = query.newest_first;
  return asked;
}

bool matches(const core::AuditQuery& query, const audit::Query& envelope, const audit::Entry& entry) {
  if (!audit::matches(envelope, entry.envelope)) return false;
  if (query.risk && entry.envelope.risk < *query.risk) return false;
  if (!query.path && !query.host && !query.verdict && !query.text) return true;
  if (entry.envelope.version != audit::kEnvelopeVersion) return false;
  base::json::Object payload;
  if (entry.payload_state == audit::PayloadState::present)
    if (base::Result<base::json::Value> value = base::json::parse(entry.payload); value && value->is_object())
      payload = std::move(value->get_object());
  return core::matches_payload(query, core::facts_of(payload));
}

}  // namespace hv::index
