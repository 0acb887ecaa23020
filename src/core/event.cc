#include "core/event.h"

#include <array>
#include <utility>

namespace hv::core {

namespace {

constexpr std::array<std::string_view, 4> kTrust{"observed", "claimed", "gateway", "guest"};
constexpr std::array<std::string_view, 4> kRisk{"info", "low", "medium", "high"};

}  // namespace

std::string_view trust_name(Trust trust) {
  return kTrust[static_cast<size_t>(trust)];
}
std::string_view risk_name(Risk risk) {
  return kRisk[static_cast<size_t>(risk)];
}

base::Result<Trust> parse_trust(std::string_view text) {
  for (size_t i = 0; i < kTrust.size(); ++i)
    if (kTrust[i] == text) return static_cast<Trust>(i);
  return base::Failure(base::invalid_argument("unknown trust '" + std::string(text) + "'"));
}

base::Result<Risk> parse_risk(std::string_view text) {
  for (size_t i = 0; i < kRisk.size(); ++i)
    if (kRisk[i] == text) return static_cast<Risk>(i);
  return base::Failure(base::invalid_argument("unknown risk '" + std::string(text) + "'"));
}

}  // namespace hv::core
