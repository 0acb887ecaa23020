#include "service/policy_learning.h"

#include <algorithm>

#include "base/format.h"
#include "base/json.h"
#include "base/text.h"
#include "core/egress_text.h"
#include "core/glob.h"
#include "images/host_view.h"
#include "policy/keys.h"
#include "policy/rules.h"

namespace hv::service {

namespace {

using base::format;
using policy::Question;
using Kind = Question::Kind;

std::string text_of(const base::json::Object& payload, std::string_view name) {
  const base::json::Value* value = payload.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

uint64_t number_of(const base::json::Object& payload, std::string_view name) {
  const base::json::Value* value = payload.if_contains(name);
  if (value == nullptr) return 0;
  if (value->is_uint64()) return value->get_uint64();
  return value->is_int64() && value->get_int64() > 0 ? static_cast<uint64_t>(value->get_int64()) : 0;
}

std::vector<std::string> texts_of(const base::json::Object& payload, std::string_view name) {
  std::vector<std::string> texts;
  if (const base::json::Value* value = payload.if_contains(name); value != nullptr && value->is_array())
    for (const base::json::Value& item : value->get_array())
      if (item.is_string()) texts.emplace_back(item.get_string());
  return texts;
}

// As the kernel reads it, without following links; empty for one that cannot be told.
std::string plain(const std::string& path, const std::string& directory) {
  if (path.empty() || (!path.starts_with('/') && !directory.starts_with('/'))) return {};
  std::string out;
  for (const std::string& part : base::split(path.starts_with('/') ? path : directory + "/" + path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..")
      out = out.substr(0, out.find_last_of('/') == std::string::npos ? 0 : out.find_last_of('/'));
    else
      out += "/" + part;
  }
  return out;
}

Question about_file(Kind kind, std::string path) {
  Question question;
  question.kind = kind;
  question.subject = std::move(path);
  return question;
}

std::vector<Question> about_network(const core::AuditRecord& record) {
  const base::json::Object& payload = record.event.payload;
  if (text_of(payload, "verdict") != "allow") return {};
  Question question;
  question.kind = Kind::connect;
  question.subject = text_of(payload, "host");
  if (question.subject.empty()) question.address = text_of(payload, "address");
  // Behind the host's own proxy an address is the proxy's, so a name is asked about without; where the rule spoke of
  // private addresses, that is what it was.
  bool is_private = text_of(payload, "rule").ends_with(" private");
  if (is_private && question.address.empty()) question.address = text_of(payload, "address");
  question.port = static_cast<uint16_t>(number_of(payload, "port"));
  question.is_plain = text_of(payload, "protocol") == "http";
  if (record.event.kind == "network.request") {
    question.method = text_of(payload, "method");
    question.path = text_of(payload, "path");
    question.is_plain = false;
  }
  if (question.port == 0 || (question.subject.empty() && question.address.empty())) return {};
  return {question};
}

std::string comment(uint64_t record) {
  return format("  # record {}", record);
}

// Empty again in every sandbox.
constexpr std::string_view kScratch[] = {"/tmp", "/run", "/dev/shm", "/var/tmp"};

// A pattern for the path, in which '?' stands for what no pattern can spell.
std::string spell(std::string_view path) {
  std::string out;
  size_t names = 1;
  for (size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    bool begins = i == 0 || (i == 2 && path.starts_with("~/")) || (i == 1 && path[0] == '/');
    bool is_odd = static_cast<unsigned char>(c) < ' ' || c == 0x7f || std::string_view("*?[]{}\\").contains(c) ||
                  (begins && c == '!') || (i == 0 && c == '~' && !path.starts_with("~/"));
    // Patterns end at 32 names: all of the last one's directory.
    if (c == '/' && i != 0 && (i != 1 || path[0] != '~') && ++names == 32) return out + "/**";
    out += is_odd ? '?' : c;
  }
  return out;
}

}  // namespace

std::vector<Question> questions_of(const core::AuditRecord& record) {
  const base::json::Object& payload = record.event.payload;
  const std::string& kind = record.event.kind;
  if (kind == "network.connection" || kind == "network.request" || kind == "network.closed")
    return about_network(record);
  if (kind == "host_port.connected") {
    Question question;
    question.kind = Kind::connect;
    question.subject = core::kHostName;
    question.port = static_cast<uint16_t>(number_of(payload, "port"));
    return {question};
  }
  if (kind == "exec.started") {
    std::string path = plain(text_of(payload, "path"), text_of(payload, "directory"));
    if (path.empty() || path == "/run/hydravisor/probe") return {};
    return {about_file(Kind::exec, path)};
  }
  std::vector<Question> questions;
  if (kind == "sandbox.starting") {
    for (const std::string& path : texts_of(payload, "read")) questions.push_back(about_file(Kind::read, path));
    for (const std::string& path : texts_of(payload, "write")) questions.push_back(about_file(Kind::write, path));
  }
  if (kind == "workspace.applied" || kind == "workspace.diffed")
    for (const std::string& path : texts_of(payload, "paths")) questions.push_back(about_file(Kind::write, path));
  // Relative paths are the workspace's, which the record does not name: any place in it answers alike.
  std::erase_if(questions, [](const Question& question) {
    return !question.subject.starts_with('/') && !question.subject.starts_with("~/");
  });
  return questions;
}

std::string question_text(const Question& question) {
  std::string text = format("{} ", core::name_of(question.kind));
  if (question.kind != Kind::connect) return text + question.subject;
  std::string host = question.subject.empty() ? question.address : question.subject;
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  text += format("{}:{}", host, question.port);
  return question.method.empty() ? text : format("{} {} {}", text, question.method, question.path);
}

void Learner::add(const core::AuditRecord& record) {
  ++records_;
  for (const Question& question : questions_of(record)) {
    switch (question.kind) {
      case Kind::exec:
        programs_.try_emplace(question.subject, record.index);
        break;
      case Kind::read:
        read_.try_emplace(place(question.subject), record.index);
        break;
      case Kind::write:
        written_.try_emplace(place(question.subject), record.index);
        break;
      case Kind::connect:
        if (question.subject == core::kHostName) {
          host_ports_.try_emplace(question.port, record.index);
        } else {
          std::string host = question.subject.empty() ? question.address : question.subject;
          bool is_private = text_of(record.event.payload, "rule").ends_with(" private");
          hosts_[{host, is_private}].try_emplace(question.port, record.index);
        }
        break;
      case Kind::call:
      case Kind::variable:
      case Kind::limit:
        break;
    }
  }
}

// As a policy would spell it on another machine, too. What no pattern can spell is left as it is.
std::string Learner::place(const std::string& path) const {
  if (!workspace_.empty() && images::lies_in(path, workspace_) && path != workspace_) {
    std::string below = path.substr(workspace_.size() + 1);
    // A name alone would be meant at any depth.
    return below.find('/') == std::string::npos ? path : below;
  }
  if (!home_.empty() && home_ != "/" && images::lies_in(path, home_) && path != home_)
    return "~" + path.substr(home_.size());
  return path;
}

std::string Learner::program(const std::string& path, bool is_made) const {
  if (!is_made) return spell(place(path));
  std::string beside = spell(place(path.substr(0, path.rfind('/')) + "/x"));
  return beside.ends_with("/**") ? beside : beside.substr(0, beside.size() - 1) + "**";
}

std::string Learner::write(std::string_view name, std::string_view sandbox,
                           const std::function<bool(const std::string& path)>& is_there) const {
  std::string out = format(
      "# What {} did, as the ledger has it, and no more: learned from {} records.\n"
      "# Records tell of programs, hosts and ports. Limits, variables and the workspace are those that it ran under.\n"
      "version = 1\nname = {}\ndescription = {}\n",
      base::printable(sandbox), records_, policy::quote_toml(name),
      policy::quote_toml(format("Learned from {}", sandbox)));
  std::string section;
  auto open = [&](std::string_view wanted) {
    if (section != wanted) out += format("\n[{}]\n", section = wanted);
  };
  for (const policy::Rule& rule : policy::rules_of(base_)) {
    if (!rule.key.starts_with("limits.")) continue;
    open("limits");
    out += format("{} = {}\n", rule.key.substr(7), rule.value);
  }
  open("filesystem");
  out += format("workspace = {}\n", policy::quote_toml(core::name_of(base_.workspace)));
  auto list = [&](std::string_view key, const std::map<std::string, uint64_t>& items,
                  const std::vector<std::string>& kept) {
    std::string lines;
    for (const std::string& item : kept)
      if (!items.contains(item)) lines += format("  {},\n", policy::quote_toml(item));
    for (const auto& [item, record] : items) lines += format("  {},{}\n", policy::quote_toml(item), comment(record));
    if (!lines.empty()) out += format("{} = [\n{}]\n", key, lines);
  };
  list("read", read_, base_.read);
  list("write", written_, base_.write);
  list("hide", {}, base_.hide);
  open("privileges");
  out += format("nested_sandboxes = {}\n", base_.nested_sandboxes ? "true" : "false");
  open("exec");
  if (base_.nested_sandboxes) {
    out += "# With nested sandboxes the kernel cannot keep a list of programs, so there is none.\n";
    list("deny", {}, base_.exec.deny);
  } else {
    out += "default = \"deny\"\n";
    std::map<std::string, uint64_t> programs;
    std::map<std::string, uint64_t> made;
    for (const auto& [path, record] : programs_) {
      auto lies_there = [&](std::string_view directory) { return images::lies_in(path, directory); };
      bool in_workspace = !workspace_.empty() && lies_there(workspace_);
      bool is_made = in_workspace ? !is_there(path) : !lies_there(home_) && std::ranges::any_of(kScratch, lies_there);
      auto [place, is_new] = (is_made ? made : programs).try_emplace(program(path, is_made), record);
      if (!is_new) place->second = std::min(place->second, record);
    }
    if (!made.empty())
      out +=
          "# Some programs were made by the run: a directory with '**' stands for them, with all that comes there.\n";
    programs.merge(made);
    list("allow", programs, {});
    list("deny", {}, base_.exec.deny);
  }
  if (!base_.denied_calls.empty()) {
    open("syscalls");
    list("deny", {}, base_.denied_calls);
  }
  open("network");
  out += "default = \"deny\"\nagent_hosts = false\n";
  std::string lines;
  for (const auto& [host, ports] : hosts_) {
    core::EgressRule rule;
    auto pattern = core::parse_pattern(host.first);
    if (!pattern) continue;
    rule.host = *pattern;
    rule.private_addresses = host.second;
    // What may be at a private address may be at a public one.
    auto twin = hosts_.find({host.first, true});
    uint64_t first = ports.begin()->second;
    for (const auto& [port, record] : ports) {
      if (!host.second && twin != hosts_.end() && twin->second.contains(port)) continue;
      rule.ports.push_back({port, port});
      first = std::min(first, record);
    }
    if (!rule.ports.empty()) lines += format("  {},{}\n", policy::rule_to_toml(rule), comment(first));
  }
  if (!lines.empty()) out += format("allow = [\n{}]\n", lines);
  std::string denials;
  for (const core::EgressRule& rule : base_.egress.rules)
    if (rule.verdict == core::Verdict::deny) denials += format("  {},\n", policy::rule_to_toml(rule));
  if (!denials.empty()) out += format("deny = [\n{}]\n", denials);
  std::string ports;
  for (const auto& [port, record] : host_ports_) ports += format("  {},{}\n", port, comment(record));
  if (!ports.empty()) out += format("host_services = [\n{}]\n", ports);
  if (!base_.pass.empty() || !base_.set.empty()) open("environment");
  list("pass", {}, base_.pass);
  for (const core::Variable& variable : base_.set)
    out += format("set.{} = {}\n", variable.name, policy::quote_toml(variable.value));
  if (!base_.allow_degraded.empty()) {
    open("security");
    list("allow_degraded", {}, base_.allow_degraded);
  }
  return out;
}

}  // namespace hv::service
