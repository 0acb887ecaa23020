// access.toml with any bytes: the parser answers with rules or with faults that a terminal can show, and by rules that
// it accepts an agent never gets at the rules themselves.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "access/decide.h"
#include "base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 65536) return 0;
  auto access = hv::access::parse({reinterpret_cast<const char*>(data), size}, "a.toml");
  if (!access) {
    const std::string& message = access.error().message();
    if (message != hv::base::printable_lines(message)) std::abort();
    return 0;
  }
  hv::access::Judge judge(*std::move(access), 1000);
  hv::access::Resource web{"web", "claude", {{"team", "web"}}, "agent:ci"};
  hv::access::Subject agent{*hv::core::Principal::parse("agent:ci"), "trusted", {}};
  for (auto [action, name] : hv::core::Names<hv::core::Action>::table)
    if (judge.decide(agent, action, &web).allowed && hv::core::is_above_agents(action)) std::abort();
  return 0;
}
