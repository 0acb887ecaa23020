// The policy parser with any bytes: it answers with a policy or with faults that a terminal can show, and a policy that
// it accepts has a description that it can print, and comes back from the file that is written of it.
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "policy/lint.h"
#include "policy/policy.h"
#include "policy/rules.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  hv::base::Result<hv::policy::Policy> policy = hv::policy::parse(text, "fuzz.toml");
  if (policy) {
    if (hv::policy::describe(*policy).empty()) std::abort();
    // What is written down of it is a policy again, and has nothing but places to warn of.
    hv::base::Result<hv::policy::Policy> again = hv::policy::parse(hv::policy::to_toml(*policy), "again.toml");
    if (!again || hv::policy::find_warnings(*again).size() != hv::policy::find_warnings(*policy).size()) std::abort();
  } else if (hv::base::printable_lines(policy.error().message()) != policy.error().message()) {
    std::abort();
  }
  return 0;
}
