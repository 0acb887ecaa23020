#include "isolation/allow_list.h"

#include <cerrno>
#include <cstddef>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "isolation/native_architecture.h"

namespace hv::isolation {

namespace {

constexpr uint32_t allow = SECCOMP_RET_ALLOW;
constexpr uint32_t refuse = SECCOMP_RET_ERRNO | EPERM;

class Program {
 public:
  void load(size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<uint32_t>(offset)); }
  void answer(uint32_t action) { add(BPF_RET | BPF_K, 0, 0, action); }
  // Skips so many instructions when what is loaded is, or is not, `value`.
  void skip_if(uint32_t value, size_t count) { add(BPF_JMP | BPF_JEQ | BPF_K, count, 0, value); }
  void skip_unless(uint32_t value, size_t count) { add(BPF_JMP | BPF_JEQ | BPF_K, 0, count, value); }
  std::string bytes() const {
    return {reinterpret_cast<const char*>(code_.data()), code_.size() * sizeof(sock_filter)};
  }

 private:
  void add(int code, size_t yes, size_t no, uint32_t value) {
    code_.push_back({static_cast<uint16_t>(code), static_cast<uint8_t>(yes), static_cast<uint8_t>(no), value});
  }
  std::vector<sock_filter> code_;
};

void put(Program& program, const NarrowCall& narrow) {
  bool only = narrow.rule == NarrowCall::Rule::only_these;
  size_t count = narrow.values.size();
  // Over the argument, the comparisons and the two answers.
  program.skip_unless(static_cast<uint32_t>(narrow.call), count + 3);
  program.load(offsetof(seccomp_data, args) + 8 * narrow.argument);
  for (size_t i = 0; i < count; ++i) program.skip_if(narrow.values[i], count - i);
  program.answer(only ? refuse : allow);
  program.answer(only ? allow : refuse);
}

}  // namespace

std::string allow_only(std::span<const long> calls, std::span<const NarrowCall> narrow) {
  Program program;
  program.load(offsetof(seccomp_data, arch));
  program.skip_if(native_architecture, 1);
  program.answer(SECCOMP_RET_KILL_PROCESS);
  program.load(offsetof(seccomp_data, nr));
  for (long call : calls) {
    program.skip_unless(static_cast<uint32_t>(call), 1);
    program.answer(allow);
  }
  for (const NarrowCall& one : narrow) put(program, one);
  program.answer(refuse);
  return program.bytes();
}

}  // namespace hv::isolation
