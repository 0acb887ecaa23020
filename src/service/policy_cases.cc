#include "service/policy_cases.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/crypto.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "core/address.h"
#include "images/environment.h"
#include "isolation/call_names.h"
#include "isolation/denied_calls.h"
#include "network/egress_rules.h"
#include "policy/difference.h"
#include "policy/lint.h"
#include "policy/rules.h"
#include "service/behavior_replay.h"
#include "service/policy_learning.h"

namespace hv::service {

namespace {

using base::Failure;
using base::format;
using base::Result;

constexpr size_t kMostListed = 200;

policy::HostAnswer judge_host(const core::EgressPolicy& policy, const policy::Question& question) {
  network::Target target;
  target.name = question.subject;
  target.port = question.port;
  if (!question.address.empty())
    if (auto address = core::parse_address(question.address)) target.address = *address;
  target.sight = question.is_plain ? network::Sight::pending : network::Sight::hidden;
  if (!question.method.empty()) {
    target.sight = network::Sight::seen;
    target.method = question.method;
    target.path = question.path;
  }
  network::Decision decision = network::decide(policy, target);
  policy::HostAnswer answer{decision.verdict, std::nullopt, decision.rule_text, decision.reason};
  if (decision.rule != nullptr) answer.rule = static_cast<size_t>(decision.rule - policy.rules.data());
  return answer;
}

core::PolicyAnswer to_answer(const policy::Question& question, const policy::Answer& answer) {
  core::PolicyAnswer out;
  out.question = base::printable(question_text(question));
  out.verdict = answer.verdict;
  out.key = answer.key;
  out.rule = base::printable(answer.rule);
  out.origin = answer.place.line == 0 ? "default" : base::printable(answer.place.text());
  out.reason = base::printable(answer.reason);
  out.keeper = core::name_of(answer.by.keeper);
  out.by = answer.by.by;
  return out;
}

// Calls that this machine does not know, which only the list of calls can tell.
std::vector<std::string> faults_of_calls(const policy::Policy& policy) {
  std::vector<std::string> faults;
  for (const std::string& name : policy.denied_calls) {
    auto number = isolation::call_to_deny(name);
    const policy::Place* place = policy.origin("syscalls.deny", name);
    if (!number)
      faults.push_back(format("{}:{}:{}: syscalls.deny: {}", place == nullptr ? "" : place->file,
                              place == nullptr ? 0 : place->line, place == nullptr ? 0 : place->column,
                              number.error().text()));
  }
  return faults;
}

std::vector<std::string> warnings_of(const policy::Policy& policy) {
  std::vector<std::string> texts;
  for (const policy::Warning& warning : policy::find_warnings(policy)) texts.push_back(warning.text());
  for (const std::string& name : policy.denied_calls)
    if (auto number = isolation::call_number(name)) {
      const isolation::DeniedCall* known = isolation::find_denied_call(*number);
      if (known != nullptr && known->rule == isolation::DenialRule::always)
        if (const policy::Place* place = policy.origin("syscalls.deny", name))
          texts.push_back(format("{}:{}:{}: syscalls.deny: {} is refused to every sandbox anyway", place->file,
                                 place->line, place->column, name));
    }
  return texts;
}

}  // namespace

policy::Judges PolicyCases::judges() {
  return {judge_host,
          [](std::string_view name) {
            auto number = isolation::call_number(name);
            return number && isolation::find_denied_call(*number) != nullptr;
          },
          [](std::string_view name) { return images::looks_secret(name); },
          [](const std::string& name) { return base::TimeZone::open(name); }};
}

Result<core::PolicyInfo> PolicyCases::effective(std::string_view name) const {
  policy::Policy policy = HV_TRY(policies_.load(name));
  core::PolicyInfo info;
  if (name.find('+') == std::string_view::npos) info = HV_TRY(policies_.info(name));
  info.name = policy.name;
  info.description = policy.description;
  info.text = policy::to_toml(policy);
  info.behavior.emplace();
  for (const core::BehaviorRule& rule : policy.behavior) info.behavior->push_back(core::describe(rule));
  return info;
}

Result<core::PolicyReport> PolicyCases::validate(std::string_view name, const core::PolicyTextRequest& request) const {
  Result<policy::Policy> policy =
      request.text
          ? policies_.resolve_text(name, request.path.empty() ? format("{}.toml", name) : request.path, *request.text)
          : policies_.load(name);
  core::PolicyReport report;
  if (!policy) {
    if (policy.error().code() != base::ErrorCode::invalid_argument) return Failure(policy.error());
    report.faults = base::split(policy.error().message(), '\n');
    return report;
  }
  report.faults = faults_of_calls(*policy);
  report.warnings = warnings_of(*policy);
  report.valid = report.faults.empty();
  return report;
}

Result<core::PolicyExplanation> PolicyCases::explain(std::string_view name) const {
  policy::Policy policy = HV_TRY(policies_.load(name));
  core::PolicyExplanation explanation;
  explanation.name = policy.name;
  explanation.description = policy.description;
  explanation.warnings = warnings_of(policy);
  policy::Machine machine = machine_();
  for (const policy::Rule& rule : policy::rules_of(policy)) {
    policy::Enforcement by = policy::enforcement_of(rule.key, policy, core::Tier::process, machine);
    explanation.rules.push_back({rule.key, base::printable(rule.value),
                                 rule.place.line == 0 ? "default" : base::printable(rule.place.text()),
                                 std::string(core::name_of(by.keeper)), by.by, by.not_covered});
  }
  return explanation;
}

Result<core::PolicyAnswer> PolicyCases::ask(std::string_view name, const core::PolicyQuestion& question) const {
  policy::Policy policy = HV_TRY(policies_.load(name));
  policy::Question parsed = HV_TRY(policy::parse_question(question.question));
  policy::Surroundings around{question.home, question.workspace, core::Tier::process, machine_(),
                              std::chrono::floor<std::chrono::seconds>(base::system_clock().wall())};
  return to_answer(parsed, policy::Evaluator(std::move(policy), std::move(around), judges()).evaluate(parsed));
}

Result<core::PolicyDiff> PolicyCases::diff(std::string_view name, const core::PolicyDiffRequest& request) const {
  policy::Policy before = HV_TRY(policies_.load(name));
  policy::Policy after = HV_TRY(policies_.load(request.other));
  core::PolicyDiff diff{before.name, after.name, {}};
  for (const policy::Difference& each : policy::differences(before, after)) {
    using Effect = policy::Difference::Effect;
    core::PolicyEffect effect = each.effect == Effect::allows    ? core::PolicyEffect::allows
                                : each.effect == Effect::denies  ? core::PolicyEffect::denies
                                : each.effect == Effect::records ? core::PolicyEffect::records
                                : each.effect == Effect::omits   ? core::PolicyEffect::omits
                                                                 : core::PolicyEffect::changes;
    diff.items.push_back({effect, each.key, base::printable(each.before), base::printable(each.after)});
  }
  return diff;
}

base::Status PolicyCases::for_each_record(const std::optional<std::string>& sandbox,
                                          const std::function<void(const core::AuditRecord&)>& take) const {
  core::AuditQuery query;
  query.sandbox = sandbox;
  while (true) {
    core::AuditPage page = HV_TRY(audit_.audit_events(query));
    for (const core::AuditRecord& record : page.records) take(record);
    if (page.complete) return {};
    query.after = page.seen;
  }
}

// One sandbox's records, judged by where that sandbox was: home and workspace are its own.
Result<core::PolicySimulation> PolicyCases::simulate(std::string_view name,
                                                     const core::PolicySimulateRequest& request) const {
  policy::Policy policy = HV_TRY(policies_.load(name));
  policy::Machine machine = machine_();
  core::PolicySimulation result;
  result.policy = policy.name;
  // Evaluators by workspace and home: what is relative in a policy depends on them.
  std::map<std::pair<std::string, std::string>, policy::Evaluator> evaluators;
  std::map<std::string, std::pair<std::string, std::string>> places;
  std::map<std::pair<const policy::Evaluator*, std::string>, policy::Answer> known;
  BehaviorReplay replay(policy.behavior);
  auto take_place = [&](const core::AuditRecord& record) {
    if (record.event.kind != "sandbox.starting") return;
    auto text = [&](std::string_view member) {
      const base::json::Value* value = record.event.payload.if_contains(member);
      return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
    };
    places[record.event.sandbox] = {text("home"), text("workspace")};
  };
  auto take = [&](const core::AuditRecord& record) {
    ++result.records;
    take_place(record);
    for (core::PolicyFiring& firing : replay.take(record))
      if (++result.fired_count <= kMostListed) result.fired.push_back(std::move(firing));
    std::vector<policy::Question> questions = questions_of(record);
    if (questions.empty()) return;
    const auto& place = places[record.event.sandbox];
    auto found = evaluators.find(place);
    if (found == evaluators.end())
      found = evaluators
                  .emplace(place, policy::Evaluator(policy, {place.first, place.second, core::Tier::process, machine},
                                                    judges()))
                  .first;
    for (const policy::Question& question : questions) {
      ++result.asked;
      auto [answer, is_new] = known.try_emplace({&found->second, question_text(question) + question.address});
      if (is_new) answer->second = found->second.evaluate(question);
      if (answer->second.verdict == core::Verdict::allow) continue;
      if (++result.denied_count <= kMostListed)
        result.denied.push_back({record.index, record.event.kind, to_answer(question, answer->second)});
    }
  };
  if (request.records) {
    if (request.sandbox)
      return Failure(base::invalid_argument("expected records or the name of a sandbox, found both"));
    for (const core::AuditRecord& start : request.starts) take_place(start);
    for (const core::AuditRecord& record : *request.records) take(record);
  } else {
    HV_TRY(for_each_record(request.sandbox, take));
  }
  return result;
}

Result<core::PolicyLearned> PolicyCases::learn(const std::string& id, std::string_view sandbox,
                                               const core::PolicyLearnRequest& request) const {
  if (!policy::is_policy_name(request.name))
    return Failure(
        base::invalid_argument(format("'{}' cannot be a policy's name", base::printable(request.name.substr(0, 80)))));
  std::optional<Learner> learner;
  base::Status failed;
  auto take = [&](const core::AuditRecord& record) {
    if (record.event.kind == "sandbox.starting" && !learner) {
      auto text = [&](std::string_view member) {
        const base::json::Value* value = record.event.payload.if_contains(member);
        return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
      };
      Result<policy::Policy> ran_under = policies_.load(text("policy"));
      if (!ran_under) {
        failed = Failure(std::move(ran_under).error().with_context("the policy that it ran under"));
        return;
      }
      if (auto mode = core::parse_name<core::WorkspaceMode>(text("mode"))) ran_under->workspace = *mode;
      // A run can ask for less than its policy allows.
      if (!text("home").empty() && !record.event.payload.contains("nested")) ran_under->nested_sandboxes = false;
      learner.emplace(*std::move(ran_under), text("home"), text("workspace"));
    }
    if (learner) learner->add(record);
  };
  HV_TRY(for_each_record(id, take));
  HV_TRY(std::move(failed));
  if (!learner)
    return Failure(base::not_found(format("nothing is recorded of a start of '{}'", base::printable(sandbox))));
  return core::PolicyLearned{request.name, learner->write(request.name, sandbox, base::path_exists),
                             learner->records()};
}

Result<core::PolicyInfo> PolicyCases::write(std::string_view name, const core::PolicyWriteRequest& request,
                                            const std::string& by) const {
  (void)HV_TRY(policies_.resolve_text(name, format("{}.toml", name), request.text));
  core::Event event;
  event.kind = "policy.writing";
  event.principal = by.empty() ? principal_ : by;
  event.payload = {{"name", std::string(name)},
                   {"replace", request.replace},
                   {"sha256", base::to_hex(base::as_view(base::sha256(request.text)))}};
  (void)HV_TRY_CONTEXT(recorder_.record(event), "write a policy");
  return policies_.write(name, request.text, request.replace);
}

}  // namespace hv::service
