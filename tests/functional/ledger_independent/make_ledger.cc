// Makes a ledger for the independent check to read: make_ledger DIRECTORY COUNT [ROTATE_AT...]. A hand-over of keys
// follows each entry named; the payload of entry 1 is deleted at the end.
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>

#include "audit/ledger.h"

namespace {

int fail(const hv::base::Error& error) {
  std::fprintf(stderr, "make_ledger: %s\n", error.text().c_str());
  return 1;
}

hv::core::Event event_of(uint64_t number) {
  hv::core::Event event;
  event.kind = number % 3 == 0 ? "exec.exited" : "exec.started";
  event.sandbox = "s0123456789abcdef";
  event.principal = "agent:s0123456789abcdef";
  event.trust = hv::core::Trust::claimed;
  event.origin = hv::core::Origin{event.sandbox, number + 1};
  event.payload = {{"number", number}, {"text", "caf\u00e9 \"quoted\""}};
  return event;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: make_ledger DIRECTORY COUNT [ROTATE_AT...]\n");
    return 2;
  }
  uint64_t count = std::strtoull(argv[2], nullptr, 10);
  std::set<uint64_t> rotate_at;
  for (int i = 3; i < argc; ++i) rotate_at.insert(std::strtoull(argv[i], nullptr, 10));
  hv::audit::Ledger::Options options;
  options.directory = argv[1];
  options.origin = "example.com/independent";
  options.segment_bytes = uint64_t{1} << 20;
  auto ledger = hv::audit::Ledger::open(options);
  if (!ledger) return fail(ledger.error());
  for (uint64_t number = 0; number < count; ++number) {
    if (auto index = (*ledger)->record(event_of(number)); !index) return fail(index.error());
    if (!rotate_at.contains(number)) continue;
    if (auto rotated = (*ledger)->rotate(); !rotated) return fail(rotated.error());
  }
  if (count > 1)
    if (auto deleted = (*ledger)->delete_payloads(1, 1, "user:0", "to see that it stays provable"); !deleted)
      return fail(deleted.error());
  if (auto sealed = (*ledger)->seal(); !sealed) return fail(sealed.error());
  std::printf("%s\n", (*ledger)->verifier_key().text().c_str());
  return 0;
}
