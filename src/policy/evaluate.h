// One question to a policy: may this be read, written, started, reached? The answer names the rule that decided, where
// it is written, and what keeps it. What a policy says of hosts is decided by whoever judges connections, passed in as
// a function.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/names.h"
#include "policy/enforcement.h"
#include "policy/policy.h"

namespace hv::policy {

struct Question {
  enum class Kind { read, write, exec, connect, call, variable, limit, start };
  Kind kind = Kind::read;
  // A path, absolute or "~/..."; a host; a system call; a variable's name; a limit ("memory");
  // a time by the policy's clock, or "now".
  std::string subject;
  uint16_t port = 443;    // of connect
  std::string address;    // of connect: where the name was found to be, or empty
  std::string method;     // of connect: of a plain HTTP request, or empty
  bool is_plain = false;  // of connect: requests will be seen, and each is a question of its own
  std::string path;       // of connect
  uint64_t amount = 0;    // of limit: bytes, processes, thousandths of a processor, milliseconds
};

struct Answer {
  core::Verdict verdict = core::Verdict::deny;
  std::string key;     // "filesystem.hide"; "sandbox": no policy changes that
  std::string rule;    // as it is written: "*.pem"
  Place place;         // no line: nobody wrote it
  std::string reason;  // one sentence
  Enforcement by;
};

// What is inside beside what the policy says, and what its words stand for.
struct Surroundings {
  std::string home = "/home/user";
  std::string workspace = "/workspace";  // empty: none
  core::Tier tier = core::Tier::process;
  Machine machine;
  base::Instant now = {};
};

// A decision about one target; `rule` is an index into the policy's egress rules.
struct HostAnswer {
  core::Verdict verdict = core::Verdict::deny;
  std::optional<size_t> rule;
  std::string text;  // what decided: "default", "private address"
  std::string reason;
};
using HostJudge = std::function<HostAnswer(const core::EgressPolicy& policy, const Question& question)>;
// Calls that every sandbox is refused; names that PREFIX* never passes.
using NameTest = std::function<bool(std::string_view name)>;

struct Judges {
  HostJudge host;
  NameTest is_denied_call;
  NameTest is_secret_name;
  // The zone of this name, empty for the machine's own.
  std::function<base::Result<base::TimeZone>(const std::string& name)> zone = {};
};

// Compiled once, asked often: by hash where a rule names a whole path, and otherwise by a pass over the patterns.
class Evaluator {
 public:
  Evaluator(Policy policy, Surroundings around, Judges judges);
  Evaluator(Evaluator&&) noexcept;
  ~Evaluator();
  Answer evaluate(const Question& question) const;
  const Policy& policy() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// "read PATH", "write PATH", "exec PATH", "connect HOST[:PORT] [METHOD PATH]", "call NAME", "variable NAME", "limit
// NAME AMOUNT", "start TIME|now": the form of the command line and of the tests.
base::Result<Question> parse_question(const std::vector<std::string>& words);

}  // namespace hv::policy

namespace hv::core {
template <>
struct Names<policy::Question::Kind> {
  using Kind = policy::Question::Kind;
  static constexpr std::string_view kind = "kind of question";
  static constexpr std::array<std::pair<Kind, std::string_view>, 8> table{{{Kind::read, "read"},
                                                                           {Kind::write, "write"},
                                                                           {Kind::exec, "exec"},
                                                                           {Kind::connect, "connect"},
                                                                           {Kind::call, "call"},
                                                                           {Kind::variable, "variable"},
                                                                           {Kind::limit, "limit"},
                                                                           {Kind::start, "start"}}};
};
}  // namespace hv::core
