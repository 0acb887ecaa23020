#include "index/terms.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/format.h"
#include "base/json.h"
#include "core/event_facts.h"

namespace hv::index {

namespace {

// A mark is one word that no text has: it begins with a section sign, and a hash keeps it short and of plain letters.
std::string mark(char family, std::string_view value) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : value) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  std::array<char, 16> digits;
  auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), hash, 16);
  std::string word = "\u00a7";
  word += family;
  return word.append(digits.data(), end);
}

constexpr std::array<core::Risk, 3> kRisks{core::Risk::low, core::Risk::medium, core::Risk::high};

std::string without_dot(std::string_view kind) {
  if (kind.ends_with('.')) kind.remove_suffix(1);
  return std::string(kind);
}

void add_envelope(const audit::Envelope& envelope, std::vector<std::string>& marks) {
  if (envelope.version != audit::kEnvelopeVersion) {
    marks.push_back(mark('k', core::kUnknownKind));
    return;
  }
  std::string_view kind = envelope.kind;
  for (size_t dot = kind.find('.'); dot != std::string_view::npos; dot = kind.find('.', dot + 1))
    marks.push_back(mark('k', kind.substr(0, dot)));
  marks.push_back(mark('k', kind));
  if (!envelope.sandbox.empty()) marks.push_back(mark('s', envelope.sandbox));
  marks.push_back(mark('u', envelope.principal));
  for (core::Risk risk : kRisks)
    if (envelope.risk >= risk) marks.push_back(mark('r', core::risk_name(risk)));
}

core::EventFacts facts_of(const std::string& payload) {
  base::Result<base::json::Value> value = base::json::parse(payload);
  return value && value->is_object() ? core::facts_of(value->get_object()) : core::EventFacts{};
}

void add_facts(const core::EventFacts& facts, std::vector<std::string>& marks) {
  for (const std::string& path : facts.paths) {
    if (path.starts_with('/')) marks.push_back(mark('p', "/"));
    for (std::string_view place : core::with_ancestors(path)) marks.push_back(mark('p', place));
  }
  for (const std::string& host : facts.hosts)
    for (std::string_view domain : core::with_domains(host)) marks.push_back(mark('h', domain));
  if (!facts.verdict.empty()) marks.push_back(mark('v', facts.verdict));
}

}  // namespace

std::string terms_of(const audit::Entry& entry, bool with_payload) {
  std::vector<std::string> marks;
  add_envelope(entry.envelope, marks);
  bool readable =
      entry.envelope.version == audit::kEnvelopeVersion && entry.payload_state == audit::PayloadState::present;
  core::EventFacts facts;
  if (with_payload && readable) facts = facts_of(entry.payload);
  add_facts(facts, marks);
  std::ranges::sort(marks);
  auto repeated = std::ranges::unique(marks);
  std::string text;
  auto add = [&text](const std::string& term) {
    if (!text.empty()) text += ' ';
    text += term;
  };
  std::ranges::for_each(marks.begin(), repeated.begin(), add);
  // Each is there once already, and none of them looks like a mark.
  std::ranges::for_each(facts.words, add);
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
