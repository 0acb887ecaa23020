// The addresses under which a sandbox sees names. A name keeps its address for the sandbox's life: programs cache them
// longer than any TTL says. The map is a log in the sandbox's directory, so that it survives the gateway and the
// daemon; docs/address-map.md is the format's page.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "core/address.h"

namespace hv::network {

// 198.18.0.0/15, which nothing on the internet uses, without its first and last address.
inline constexpr uint32_t kFirstSynthetic = 0xc6120001;
inline constexpr uint32_t kMostNames = 131'070;

struct NameAddresses {
  core::IpAddress v4;
  core::IpAddress v6;
};

// The sandbox's own /64 within fd00::/8.
core::AddressRange synthetic_prefix(std::string_view sandbox_id);

class AddressMap {
 public:
  using Clock = std::function<uint64_t()>;  // seconds, never backwards

  struct Options {
    std::string sandbox_id;
    uint32_t most_names = kMostNames;
    uint64_t reuse_after = 600;                 // seconds since a name was last asked for or used
    uint64_t largest_log = uint64_t{64} << 20;  // bytes
  };

  // `log` is open for reading and appending; an empty one is begun. A torn last record is cut off; any other damage is
  // an error, because a name at another name's address would be dialled.
  static base::Result<AddressMap> open(base::Fd log, Options options, Clock clock);

  // The name's addresses, given to it now if it has none. `name` is normalised. unavailable when all are taken and none
  // is idle, or when the log cannot grow.
  base::Result<NameAddresses> addresses_of(std::string_view name);
  // What an address of either family stands for.
  std::optional<std::string> name_of(const core::IpAddress& address) const;
  // A name with open connections keeps its address; each call that returned true is followed by one of end_use().
  // False: the name has no address to keep. It may get one before the connection ends.
  [[nodiscard]] bool begin_use(std::string_view name);
  void end_use(std::string_view name);

  size_t size() const { return slots_.size(); }
  const core::AddressRange& prefix() const { return prefix_; }

 private:
  struct Slot {
    std::string name;
    uint64_t last_used = 0;
    uint32_t connections = 0;
    std::list<uint32_t>::iterator age;  // in ages_
  };
  AddressMap(base::Fd log, Options options, Clock clock);
  base::Status load();
  base::Status append(uint32_t slot, std::string_view name);
  void assign(uint32_t slot, std::string_view name);
  void touch(uint32_t slot);
  NameAddresses addresses(uint32_t slot) const;

  base::Fd log_;
  Options options_;
  Clock clock_;
  core::AddressRange prefix_;
  uint64_t log_size_ = 0;
  std::vector<Slot> slots_;
  std::unordered_map<std::string, uint32_t> by_name_;
  std::list<uint32_t> ages_;  // slots, the one longest unused first
};

}  // namespace hv::network
