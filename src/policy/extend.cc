#include "policy/extend.h"

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "base/format.h"
#include "base/text.h"
#include "core/egress_text.h"
#include "policy/keys.h"

namespace hv::policy {

namespace {

using base::Failure;
using base::format;
using base::Result;

constexpr size_t kDeepest = 8;
constexpr size_t kMostFiles = 64;

void take_origin(Policy& to, const Policy& from, const std::string& key) {
  if (const Place* place = from.origin(key)) to.origins.insert_or_assign(key, *place);
}

void join(Policy& to, const Policy& from, const ListKey& key) {
  std::vector<std::string>& items = key.list(to);
  std::unordered_set<std::string> known(items.begin(), items.end());
  for (const std::string& item : items_of(key, from)) {
    if (known.insert(item).second) items.push_back(item);
    take_origin(to, from, origin_key(key.key, item));
  }
}

void remove(Policy& from, std::vector<std::string>& items, std::string_view key, const std::string& item) {
  std::erase(items, item);
  if (auto found = from.origins.find(origin_key(key, item)); found != from.origins.end()) from.origins.erase(found);
}

// A path is granted once: what the later policy says of it holds.
void move_grants(Policy& to, const Policy& from) {
  for (const std::string& path : from.read) remove(to, to.write, "filesystem.write", path);
  for (const std::string& path : from.write) remove(to, to.read, "filesystem.read", path);
}

class Resolver {
 public:
  explicit Resolver(const SourceLoader& load) : load_(load) {}

  // Empty after a fault.
  std::optional<Policy> resolve(const Source& source) {
    chain_.push_back(source.name);
    std::optional<Policy> result = resolve_in_chain(source);
    chain_.pop_back();
    return result;
  }
  base::Status finish() const {
    if (faults_.empty()) return {};
    return Failure(base::invalid_argument(base::join(faults_, "\n")));
  }

 private:
  std::optional<Policy> resolve_in_chain(const Source& source) {
    Result<Policy> own = parse(source.text, source.file);
    if (!own) {
      faults_.push_back(own.error().message());
      return std::nullopt;
    }
    if (!own->name.empty() && !source.name.empty() && own->name != source.name)
      faults_.push_back(format("{}: name: expected \"{}\", as the file is called; found \"{}\"",
                               base::printable(source.file), source.name, base::printable(own->name)));
    if (!source.name.empty()) own->name = source.name;
    if (own->extends.empty()) return *std::move(own);
    Policy whole;
    bool complete = true;
    for (size_t i = 0; i < own->extends.size(); ++i) {
      std::optional<Policy> part = load(*own, i);
      complete = complete && part.has_value();
      if (part) lay_over(whole, *part);
    }
    if (!complete) return std::nullopt;
    lay_over(whole, *own);
    whole.name = own->name;
    whole.description = own->description;
    return whole;
  }

  std::optional<Policy> load(const Policy& from, size_t index) {
    const std::string& name = from.extends[index];
    const Place* place = from.origin("extends", name);
    auto fault = [&](std::string_view message) -> std::optional<Policy> {
      faults_.push_back(format("{}:{}:{}: extends[{}]: {}", place->file, place->line, place->column, index, message));
      return std::nullopt;
    };
    if (std::ranges::find(chain_, name) != chain_.end())
      return fault(format("'{}' extends itself: {} -> {}", name, base::join(chain_, " -> "), name));
    if (chain_.size() == kDeepest) return fault(format("expected at most {} policies in a chain", kDeepest));
    if (++files_ > kMostFiles) return fault(format("expected at most {} policies in all", kMostFiles));
    Result<Source> source = load_(name);
    if (!source) return fault(source.error().text());
    return resolve(*source);
  }

  const SourceLoader& load_;
  std::vector<std::string> chain_;
  std::vector<std::string> faults_;
  size_t files_ = 0;
};

}  // namespace

void lay_over(Policy& base, const Policy& over) {
  for (const ValueKey& key : value_keys())
    if (over.origin(key.key) != nullptr) {
      key.take(base, over);
      take_origin(base, over, std::string(key.key));
    }
  move_grants(base, over);
  for (const ListKey& key : list_keys()) join(base, over, key);
  for (const core::Variable& variable : over.set) {
    std::erase_if(base.set, [&](const core::Variable& known) { return known.name == variable.name; });
    base.set.push_back(variable);
    take_origin(base, over, origin_key(kVariables, variable.name));
  }
  for (uint16_t port : over.egress.host_services)
    if (std::ranges::find(base.egress.host_services, port) == base.egress.host_services.end())
      base.egress.host_services.push_back(port);
  std::unordered_set<std::string> known;
  auto is_new = [&](const core::EgressRule& rule) {
    return known.insert(format("{} {}", core::name_of(rule.verdict), core::to_text(rule))).second;
  };
  for (const core::EgressRule& rule : base.egress.rules) is_new(rule);
  for (const core::EgressRule& rule : over.egress.rules)
    if (is_new(rule)) base.egress.rules.push_back(rule);
  // A rule is what the later policy says of its name.
  for (const core::BehaviorRule& rule : over.behavior) {
    auto known_rule = std::ranges::find(base.behavior, rule.name, &core::BehaviorRule::name);
    if (known_rule == base.behavior.end())
      base.behavior.push_back(rule);
    else
      *known_rule = rule;
    take_origin(base, over, origin_key(kBehaviorRules, rule.name));
  }
  for (const auto& [key, place] : over.origins)
    if (key.starts_with("network.")) base.origins.insert_or_assign(key, place);
}

Result<Policy> resolve(const Source& source, const SourceLoader& load) {
  Resolver resolver(load);
  std::optional<Policy> policy = resolver.resolve(source);
  HV_TRY(resolver.finish());
  return *std::move(policy);
}

}  // namespace hv::policy
