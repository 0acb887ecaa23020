#include "policy/evaluate.h"

#include <algorithm>
#include <charconv>

#include "base/format.h"
#include "base/text.h"
#include "base/units.h"
#include "core/egress_text.h"
#include "core/host_name.h"
#include "policy/keys.h"
#include "policy/path_matcher.h"

namespace hv::policy {

namespace {

using base::Failure;
using base::format;
using base::Result;
using core::Verdict;
using core::WorkspaceMode;

constexpr std::string_view kSystem[] = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt",
                                        "/nix", "/gnu", "/snap", "/etc", "/proc",  "/dev",   "/var"};
constexpr std::string_view kScratch[] = {"/tmp", "/run", "/var/tmp", "/var/run", "/dev/shm"};

bool lies_in(std::string_view path, std::string_view directory) {
  return !directory.empty() && path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

}  // namespace

struct Evaluator::State {
  Policy policy;
  Surroundings around;
  Judges judges;
  PathMatcher hide;
  PathMatcher read;
  PathMatcher write;
  PathMatcher exec_allow;
  PathMatcher exec_deny;

  Answer answer(Verdict verdict, std::string_view key, std::string reason) const {
    Answer out;
    out.verdict = verdict;
    out.key = key;
    out.reason = std::move(reason);
    if (const Place* place = policy.origin(key)) out.place = *place;
    out.by = key == "sandbox" ? Enforcement{Keeper::kernel, "what every sandbox is made of", ""}
                              : enforcement_of(key, policy, around.tier, around.machine);
    return out;
  }
  Answer by_item(Verdict verdict, std::string_view key, const std::string& item, std::string reason) const {
    Answer out = answer(verdict, key, std::move(reason));
    out.rule = item;
    if (const Place* place = policy.origin(key, item)) out.place = *place;
    return out;
  }
  std::string absolute(const std::string& path) const {
    return path.starts_with("~/") ? around.home + path.substr(1) : path;
  }

  Answer evaluate_file(const std::string& path, bool write) const;
  Answer evaluate_exec(const std::string& path) const;
  Answer evaluate_host(const Question& question) const;
  Answer evaluate_call(const std::string& name) const;
  Answer evaluate_variable(const std::string& name) const;
  Answer evaluate_limit(const Question& question) const;
  Answer evaluate_start(const std::string& when) const;
};

Answer Evaluator::State::evaluate_file(const std::string& path, bool to_write) const {
  if (auto hidden = hide.find(path))
    return by_item(Verdict::deny, "filesystem.hide", policy.hide[*hidden], "it is shown empty");
  // A grant inside another place says more about it.
  if (auto granted = write.find(path))
    return by_item(Verdict::allow, "filesystem.write", policy.write[*granted], "it is the host's own file");
  if (auto granted = read.find(path)) {
    if (to_write) return by_item(Verdict::deny, "filesystem.read", policy.read[*granted], "it is bound read-only");
    return by_item(Verdict::allow, "filesystem.read", policy.read[*granted], "it is bound read-only");
  }
  if (lies_in(path, around.workspace)) {
    WorkspaceMode mode = policy.workspace;
    if (mode == WorkspaceMode::none)
      return answer(Verdict::deny, "filesystem.workspace", "there is no workspace inside");
    if (to_write && mode == WorkspaceMode::ro)
      return answer(Verdict::deny, "filesystem.workspace", "the workspace is read-only");
    return answer(Verdict::allow, "filesystem.workspace",
                  mode == WorkspaceMode::cow ? "in a copy, until it is applied" : "it is the host's own file");
  }
  if (lies_in(path, around.home)) return answer(Verdict::allow, "sandbox", "in a home of the sandbox, not in yours");
  auto in = [&](std::string_view directory) { return lies_in(path, directory); };
  if (std::ranges::any_of(kScratch, in)) return answer(Verdict::allow, "sandbox", "it is the sandbox's own");
  if (std::ranges::any_of(kSystem, in))
    return answer(to_write ? Verdict::deny : Verdict::allow, "sandbox", "the system's files are there, read-only");
  return answer(Verdict::deny, "sandbox", "nothing of the host is there but what is granted");
}

Answer Evaluator::State::evaluate_exec(const std::string& path) const {
  if (auto denied = exec_deny.find(path))
    return by_item(Verdict::deny, "exec.deny", policy.exec.deny[*denied], "an empty file lies over it");
  // Where nothing is there is nothing to start; but PATH brings more places than a policy names.
  Answer seen = evaluate_file(path, false);
  if (seen.verdict != Verdict::allow && seen.key != "sandbox") return seen;
  if (policy.exec.fallback == Verdict::allow)
    return answer(Verdict::allow, "exec.default", "every program that is there may be started");
  if (auto allowed = exec_allow.find(path))
    return by_item(Verdict::allow, "exec.allow", policy.exec.allow[*allowed], "a rule names it");
  return answer(Verdict::deny, "exec.default", "no rule allows it to be started");
}

Answer Evaluator::State::evaluate_host(const Question& question) const {
  HostAnswer judged = judges.host(policy.egress, question);
  if (!judged.rule) {
    Answer out = answer(judged.verdict, judged.text.starts_with("host_services") ? kHostServices : "network.default",
                        judged.reason);
    out.rule = judged.text;
    if (judged.verdict == Verdict::allow && out.key == kHostServices)
      if (const Place* place = policy.origin(kHostServices, std::to_string(question.port))) out.place = *place;
    return out;
  }
  core::EgressRule rule = policy.egress.rules.at(*judged.rule);
  std::string key = format("network.{}", core::name_of(rule.verdict));
  rule.verdict = Verdict::allow;
  return by_item(judged.verdict, key, core::to_text(rule), judged.reason.empty() ? "a rule names it" : judged.reason);
}

Answer Evaluator::State::evaluate_call(const std::string& name) const {
  if (std::ranges::find(policy.denied_calls, name) != policy.denied_calls.end())
    return by_item(Verdict::deny, "syscalls.deny", name, "the policy names it");
  if (judges.is_denied_call(name))
    return answer(Verdict::deny, "sandbox", "every sandbox is refused it, or some uses of it");
  return answer(Verdict::allow, "sandbox", "no rule names it");
}

Answer Evaluator::State::evaluate_variable(const std::string& name) const {
  for (const core::Variable& variable : policy.set)
    if (variable.name == name)
      return by_item(Verdict::allow, kVariables, name,
                     format("the policy sets it to {}", base::shell_quote(variable.value)));
  const std::string* secret = nullptr;
  for (const std::string& pattern : policy.pass) {
    bool passes = pattern == name;
    if (!passes && pattern.ends_with('*') &&
        name.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1))) {
      passes = !judges.is_secret_name(name);
      if (!passes) secret = &pattern;
    }
    if (passes) return by_item(Verdict::allow, "environment.pass", pattern, "it passes as you have it");
  }
  if (secret != nullptr)
    return by_item(Verdict::deny, "environment.pass", *secret,
                   "its name looks like a secret's, which only its exact name passes");
  return answer(Verdict::deny, "sandbox",
                "no rule names it; a few that say nothing of you, such as TERM and LANG, always pass");
}

Answer Evaluator::State::evaluate_limit(const Question& question) const {
  const core::Limits& limits = policy.limits;
  const std::pair<std::string_view, uint64_t> kLimits[] = {
      {"memory", limits.memory_bytes},   {"pids", limits.pids},
      {"cpus", limits.cpu_millis},       {"io", limits.io_bytes},
      {"open_files", limits.open_files}, {"disk", limits.disk_bytes},
      {"tmp", limits.tmp_bytes},         {"wall", limits.wall_millis},
      {"idle", limits.idle_millis}};
  for (auto [name, most] : kLimits) {
    if (name != question.subject) continue;
    std::string key = format("limits.{}", name);
    if (most == 0) return answer(Verdict::allow, key, "there is no limit");
    return answer(question.amount <= most ? Verdict::allow : Verdict::deny, key, format("the limit is {}", most));
  }
  return answer(Verdict::deny, "sandbox", format("there is no limit called '{}'", base::printable(question.subject)));
}

Answer Evaluator::State::evaluate_start(const std::string& when) const {
  if (!policy.time.any()) return answer(Verdict::allow, "time.hours", "it may start at any time");
  if (!judges.zone) return answer(Verdict::deny, "time.zone", "no zones are known here");
  Result<base::TimeZone> zone = judges.zone(policy.time.zone);
  if (!zone) return answer(Verdict::deny, "time.zone", zone.error().text());
  TimeDecision decision = decide(policy.time, *zone, when == "now" ? around.now : zone->first(*parse_local(when)));
  std::string key = decision.key.empty() ? "time.hours" : decision.key;
  std::string by = format(", by the clock of {}", zone->name());
  std::string reason = decision.open && decision.until
                           ? format("it may run until {}{}", to_text(*decision.until, *zone), by)
                       : decision.open ? "it may run all the time"
                       : decision.next ? format("it may start again {}{}", to_text(*decision.next, *zone), by)
                                       : "it may not start any more";
  Answer out = answer(decision.open ? Verdict::allow : Verdict::deny, key, std::move(reason));
  // Windows decide together: where the first of them stands.
  if (key == "time.hours" && !policy.time.hours.empty())
    if (const Place* place = policy.origin(key, policy.time.hours.front())) out.place = *place;
  return out;
}

Evaluator::Evaluator(Policy policy, Surroundings around, Judges judges)
    : state_(new State{std::move(policy), std::move(around), std::move(judges), {}, {}, {}, {}, {}}) {
  State& state = *state_;
  auto compile = [&](const std::vector<std::string>& texts) {
    return PathMatcher(texts, state.around.home, state.around.workspace);
  };
  state.hide = compile(state.policy.hide);
  state.read = compile(state.policy.read);
  state.write = compile(state.policy.write);
  state.exec_allow = compile(state.policy.exec.allow);
  state.exec_deny = compile(state.policy.exec.deny);
}

Evaluator::Evaluator(Evaluator&&) noexcept = default;
Evaluator::~Evaluator() = default;

const Policy& Evaluator::policy() const {
  return state_->policy;
}

Answer Evaluator::evaluate(const Question& question) const {
  switch (question.kind) {
    case Question::Kind::read:
    case Question::Kind::write:
      return state_->evaluate_file(state_->absolute(question.subject), question.kind == Question::Kind::write);
    case Question::Kind::exec:
      return state_->evaluate_exec(state_->absolute(question.subject));
    case Question::Kind::connect:
      return state_->evaluate_host(question);
    case Question::Kind::call:
      return state_->evaluate_call(question.subject);
    case Question::Kind::variable:
      return state_->evaluate_variable(question.subject);
    case Question::Kind::limit:
      return state_->evaluate_limit(question);
    case Question::Kind::start:
      return state_->evaluate_start(question.subject);
  }
  return {};
}

namespace {

Result<uint64_t> parse_amount(const std::string& limit, const std::string& text) {
  if (limit == "wall" || limit == "idle") return static_cast<uint64_t>(HV_TRY(base::parse_duration(text)).count());
  if (limit != "pids" && limit != "open_files" && limit != "cpus") return HV_TRY(base::parse_bytes(text)).value;
  double number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !(number >= 0 && number < 1e12))
    return Failure(base::invalid_argument(format("expected a number, found '{}'", base::printable(text))));
  return static_cast<uint64_t>(limit == "cpus" ? number * 1000 : number);
}

// As the kernel would see it once it has followed it: a question about another spelling would get another answer.
Result<std::string> parse_path(const std::string& path) {
  std::string_view below = path;
  if (below.starts_with("~/")) below.remove_prefix(1);
  if (!below.starts_with('/'))
    return Failure(base::invalid_argument(
        format("expected an absolute path, or one that starts with ~/, found '{}'", base::printable(path))));
  for (const std::string& part : base::split(below.substr(1), '/'))
    if (part == ".." || part == "." || part.empty())
      return Failure(base::invalid_argument(
          format("expected a path without '.', '..', '//' and a final '/', found '{}'", base::printable(path))));
  return path;
}

}  // namespace

Result<Question> parse_question(const std::vector<std::string>& words) {
  using Kind = Question::Kind;
  if (words.size() < 2)
    return Failure(
        base::invalid_argument("expected a kind of question and what it is about, such as: connect example.org:443"));
  Question question;
  question.kind = HV_TRY(core::parse_name<Kind>(words[0]));
  question.subject = words[1];
  size_t used = 2;
  switch (question.kind) {
    case Kind::read:
    case Kind::write:
    case Kind::exec:
      question.subject = HV_TRY(parse_path(words[1]));
      break;
    case Kind::connect: {
      core::HostPort target = HV_TRY(core::parse_host_port(words[1], 443));
      question.subject = target.host.name;
      if (target.host.address) question.address = target.host.address->text();
      question.port = target.port;
      if (words.size() > 3) {
        question.method = words[2];
        question.path = words[3];
        used = 4;
      }
      break;
    }
    case Kind::call:
    case Kind::variable:
      break;
    case Kind::start:
      if (words[1] != "now" && !parse_local(words[1]))
        return Failure(base::invalid_argument(
            format("expected a time such as 2026-12-31T18:00, or now; found '{}'", base::printable(words[1]))));
      break;
    case Kind::limit:
      if (words.size() < 3) return Failure(base::invalid_argument("expected an amount, as in: limit memory 2GiB"));
      question.amount = HV_TRY(parse_amount(words[1], words[2]));
      used = 3;
      break;
  }
  if (words.size() > used)
    return Failure(base::invalid_argument(format("'{}' is one word too many", base::printable(words[used]))));
  return question;
}

}  // namespace hv::policy
