#include "isolation/seccomp_filter.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <map>
#include <vector>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "isolation/denied_calls.h"
#include "isolation/native_architecture.h"

// The program is assembled here instead of by libseccomp, which can neither compare call numbers by range (calls newer
// than this table must not run) nor test one argument twice in a rule (socket families, personality).
namespace hv::isolation {
namespace {

using Code = std::vector<sock_filter>;

constexpr uint32_t new_namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                    CLONE_NEWPID | static_cast<uint32_t>(CLONE_NEWNET);

sock_filter statement(int code, uint32_t k) {
  return {static_cast<uint16_t>(code), 0, 0, k};
}
sock_filter jump(int code, uint32_t k, size_t if_true, size_t if_false) {
  return {static_cast<uint16_t>(BPF_JMP | BPF_K | code), static_cast<uint8_t>(if_true), static_cast<uint8_t>(if_false),
          k};
}
sock_filter answer(uint32_t action) {
  return statement(BPF_RET | BPF_K, action);
}
sock_filter load(size_t offset) {
  return statement(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset));
}
// The low half of an argument: what the kernel itself looks at in an int or unsigned int. Both architectures are
// little-endian.
sock_filter load_argument(size_t index) {
  return load(offsetof(seccomp_data, args) + 8 * index);
}

// Each of these ends with an answer on every path.
Code when_any_bit(size_t argument, uint32_t bits, uint32_t action) {
  return {load_argument(argument), jump(BPF_JSET, bits, 0, 1), answer(action), answer(SECCOMP_RET_ALLOW)};
}

Code when_one_of(size_t argument, uint32_t mask, const std::vector<uint32_t>& values, uint32_t matching,
                 uint32_t otherwise) {
  Code code{load_argument(argument)};
  if (mask != ~0U) code.push_back(statement(BPF_ALU | BPF_AND | BPF_K, mask));
  for (size_t i = 0; i < values.size(); ++i) code.push_back(jump(BPF_JEQ, values[i], values.size() - i, 0));
  code.push_back(answer(otherwise));
  code.push_back(answer(matching));
  return code;
}

// By type and protocol as well, for what is behind them: MPTCP, UDP-Lite, SCTP, DCCP and ping sockets are code that
// hardly anybody runs, and raw sockets forge packets.
Code socket_rule(uint32_t denied) {
  constexpr uint32_t type_mask = 0xf;  // SOCK_CLOEXEC and SOCK_NONBLOCK lie above
  return {
      load_argument(0),
      jump(BPF_JEQ, AF_UNIX, 15, 0),
      jump(BPF_JEQ, AF_INET, 3, 0),
      jump(BPF_JEQ, AF_INET6, 2, 0),
      jump(BPF_JEQ, AF_NETLINK, 10, 0),
      answer(denied),
      load_argument(1),  // IP
      statement(BPF_ALU | BPF_AND | BPF_K, type_mask),
      jump(BPF_JEQ, SOCK_STREAM, 1, 0),
      jump(BPF_JEQ, SOCK_DGRAM, 0, 4),
      load_argument(2),
      jump(BPF_JEQ, 0, 5, 0),
      jump(BPF_JEQ, IPPROTO_TCP, 4, 0),
      jump(BPF_JEQ, IPPROTO_UDP, 3, 0),
      answer(denied),
      load_argument(2),  // netlink: routing, protocol 0
      jump(BPF_JEQ, 0, 0, 1),
      answer(SECCOMP_RET_ALLOW),
      answer(denied),
  };
}

// What happens to each call that is not simply allowed.
class Rules {
 public:
  explicit Rules(const FilterPlan& plan) : plan_(plan) {
    for (const DeniedCall& entry : denied_calls) add_denied(entry);
    if (plan.notify && plan.record_exec) {
      rules_[SYS_execve] = {answer(SECCOMP_RET_USER_NOTIF)};
      rules_[SYS_execveat] = {answer(SECCOMP_RET_USER_NOTIF)};
    }
    if (plan.notify && plan.record_writes) {
      for (const WritingCall& entry : writing_calls) {
        if (entry.flags_argument < 0)
          rules_[entry.number] = {answer(SECCOMP_RET_USER_NOTIF)};
        else
          rules_[entry.number] = when_any_bit(static_cast<size_t>(entry.flags_argument),
                                              O_WRONLY | O_RDWR | O_CREAT | O_TRUNC, SECCOMP_RET_USER_NOTIF);
      }
    }
    for (uint32_t number : plan.denied) deny(number);
  }

  // Last, over what is recorded or tested: a call that the policy denies runs under no circumstances.
  void deny(uint32_t number) {
    uint32_t denied = plan_.notify ? static_cast<uint32_t>(SECCOMP_RET_USER_NOTIF) : SECCOMP_RET_ERRNO | EPERM;
    rules_[static_cast<int>(number)] = {answer(denied)};
  }

  // A binary search over the numbers: the kernel runs the program once for each number at load, and again at each call
  // with a rule.
  Code search() const {
    std::vector<std::pair<int, const Code*>> sorted;
    for (const auto& [number, code] : rules_) sorted.emplace_back(number, &code);
    return search(sorted.data(), sorted.data() + sorted.size());
  }

 private:
  void add_denied(const DeniedCall& entry) {
    uint32_t by_itself = SECCOMP_RET_ERRNO | static_cast<uint32_t>(entry.error);
    uint32_t denied = plan_.notify ? static_cast<uint32_t>(SECCOMP_RET_USER_NOTIF) : by_itself;
    Code& rule = rules_[entry.number];
    switch (entry.rule) {
      case DenialRule::always:
        rule = {answer(denied)};
        break;
      case DenialRule::quiet:
        rule = {answer(by_itself)};
        break;
      case DenialRule::quiet_if_writes_recorded:
        if (plan_.record_writes) rule = {answer(by_itself)};
        break;
      case DenialRule::unless_nested:
        if (!plan_.allow_nested) rule = {answer(denied)};
        break;
      case DenialRule::namespace_flags: {
        if (plan_.allow_nested) break;
        // In clone(2) the bit of CLONE_NEWTIME belongs to the exit signal.
        uint32_t flags = entry.number == SYS_unshare ? new_namespaces | CLONE_NEWTIME : new_namespaces;
        rule = when_any_bit(0, flags, denied);
        break;
      }
      case DenialRule::socket_family:
        rule = socket_rule(denied);
        break;
      case DenialRule::local_sockets:
        rule = when_one_of(0, ~0U, {AF_UNIX}, SECCOMP_RET_ALLOW, denied);
        break;
      case DenialRule::terminal_requests:
        rule = when_one_of(1, ~0U, {TIOCSTI, TIOCLINUX, TIOCSETD}, denied, SECCOMP_RET_ALLOW);
        break;
      case DenialRule::execution_domain:
        rule = when_one_of(0, ~0U, {0xffffffff, PER_LINUX, ADDR_NO_RANDOMIZE}, SECCOMP_RET_ALLOW, denied);
        break;
      case DenialRule::device_node:
        rule = when_one_of(entry.number == SYS_mknodat ? 2 : 1, S_IFMT, {S_IFCHR, S_IFBLK}, denied, SECCOMP_RET_ALLOW);
        break;
    }
    if (rule.empty()) rules_.erase(entry.number);
  }

  using Entry = std::pair<int, const Code*>;
  static Code search(const Entry* first, const Entry* last) {
    Code code;
    if (last - first <= 3) {
      for (; first != last; ++first) {
        code.push_back(jump(BPF_JEQ, static_cast<uint32_t>(first->first), 0, first->second->size()));
        code.insert(code.end(), first->second->begin(), first->second->end());
      }
      code.push_back(answer(SECCOMP_RET_ALLOW));
      return code;
    }
    const Entry* middle = first + (last - first) / 2;
    Code below = search(first, middle);
    Code above = search(middle, last);
    // A conditional jump reaches 255 instructions; the unconditional one reaches any.
    code.push_back(jump(BPF_JGE, static_cast<uint32_t>(middle->first), 0, 1));
    code.push_back(statement(BPF_JMP | BPF_JA, static_cast<uint32_t>(below.size())));
    code.insert(code.end(), below.begin(), below.end());
    code.insert(code.end(), above.begin(), above.end());
    return code;
  }

  const FilterPlan& plan_;
  std::map<int, Code> rules_;
};

}  // namespace

std::string build_filter(const FilterPlan& plan) {
  uint32_t foreign =
      plan.notify ? static_cast<uint32_t>(SECCOMP_RET_USER_NOTIF) : static_cast<uint32_t>(SECCOMP_RET_KILL_PROCESS);
  Code code{load(offsetof(seccomp_data, arch)), jump(BPF_JEQ, native_architecture, 1, 0), answer(foreign),
            load(offsetof(seccomp_data, nr))};
#ifdef __x86_64__
  code.push_back(jump(BPF_JGE, x32_bit, 0, 1));
  code.push_back(answer(foreign));
#endif
  code.push_back(jump(BPF_JGT, call::newest_known, 0, 1));
  code.push_back(answer(SECCOMP_RET_ERRNO | ENOSYS));
  Code rules = Rules(plan).search();
  code.insert(code.end(), rules.begin(), rules.end());
  std::string bytes(code.size() * sizeof(sock_filter), '\0');
  std::memcpy(bytes.data(), code.data(), bytes.size());
  return bytes;
}

}  // namespace hv::isolation
