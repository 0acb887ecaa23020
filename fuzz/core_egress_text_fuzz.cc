// Rules with any bytes: an accepted rule is written in a form that reads as the same rule; a refusal can be shown.
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "core/egress_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  hv::base::Result<hv::core::EgressRule> rule = hv::core::parse_rule(text);
  if (!rule) {
    if (hv::base::printable(rule.error().message()) != rule.error().message()) std::abort();
    return 0;
  }
  for (size_t i = 0; i < rule->ports.size(); ++i) {
    const hv::core::PortRange& range = rule->ports[i];
    if (range.first == 0 || range.last < range.first) std::abort();
    if (i > 0 && range.first <= rule->ports[i - 1].last + 1) std::abort();
  }
  std::string form = hv::core::to_text(*rule);
  hv::base::Result<hv::core::EgressRule> again = hv::core::parse_rule(form);
  if (!again || *again != *rule || hv::core::to_text(*again) != form) std::abort();
  return 0;
}
