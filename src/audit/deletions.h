// Which payloads the ledger's own events say are gone, asked once for every entry of a ledger.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/report.h"
#include "base/json.h"

namespace hv::audit {

class Deletions {
 public:
  // What the payload of a ledger.payload_deleted says; false when it says nothing new.
  bool add(const base::json::Object& payload);
  // All payloads of the range, or those of one sandbox in it.
  bool add(const Range& range, const std::string& sandbox);
  bool covers(uint64_t index, const std::string& sandbox) const;
  // The range that `payload` names; nothing when it names none.
  static std::optional<Range> range_of(const base::json::Object& payload);
  void for_each(const std::function<void(const std::string& sandbox, const Range&)>& visit) const;

 private:
  // By the sandbox they are of, empty for all; in order, and with something between one and the next.
  std::map<std::string, std::vector<Range>, std::less<>> ranges_;
};

}  // namespace hv::audit
