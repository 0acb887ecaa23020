#include "network/address_map.h"

#include <algorithm>
#include <charconv>

#include <unistd.h>

#include "base/check.h"
#include "base/format.h"
#include "base/text.h"
#include "core/host_name.h"

namespace hv::network {

namespace {

using base::Failure;
using base::Result;
using base::Status;

constexpr std::string_view kHeader = "hydravisor-addresses 1\n";

// FNV-1a: the prefix only has to differ between the sandboxes of one host; nobody gains by a collision.
uint64_t mixed(std::string_view text, uint64_t seed) {
  uint64_t hash = 0xcbf29ce484222325 ^ seed;
  for (char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return hash ^ hash >> 29;
}

struct Record {
  uint32_t slot = 0;
  std::string_view name;
};

// "SLOT NAME", in the one form that append() writes.
std::optional<Record> parse_record(std::string_view line, uint32_t most) {
  Record record;
  auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), record.slot);
  size_t digits = static_cast<size_t>(end - line.data());
  if (error != std::errc() || digits == line.size() || line[digits] != ' ' || record.slot >= most ||
      (digits > 1 && line[0] == '0'))
    return std::nullopt;
  record.name = line.substr(digits + 1);
  Result<std::string> name = core::parse_host_name(record.name);
  if (!name || *name != record.name) return std::nullopt;
  return record;
}

}  // namespace

core::AddressRange synthetic_prefix(std::string_view sandbox_id) {
  core::AddressRange prefix;
  prefix.first.v6 = true;
  prefix.length = 64;
  uint64_t hash = mixed(sandbox_id, 0);
  for (size_t i = 1; i < 8; ++i) prefix.first.bytes[i] = static_cast<uint8_t>(hash >> (8 * i));
  prefix.first.bytes[0] = 0xfd;
  // fd00:ec2::/32 and fd20:ce::/32 are clouds' own.
  if (prefix.first.bytes[1] == 0x00 || prefix.first.bytes[1] == 0x20) prefix.first.bytes[1] ^= 0x80;
  return prefix;
}

AddressMap::AddressMap(base::Fd log, Options options, Clock clock)
    : log_(std::move(log)),
      options_(std::move(options)),
      clock_(std::move(clock)),
      prefix_(synthetic_prefix(options_.sandbox_id)) {
  options_.most_names = std::min(options_.most_names, kMostNames);
}

Result<AddressMap> AddressMap::open(base::Fd log, Options options, Clock clock) {
  AddressMap map(std::move(log), std::move(options), std::move(clock));
  HV_TRY_CONTEXT(map.load(), "open the map of addresses");
  return map;
}

Status AddressMap::load() {
  // The descriptor may have come from a process that still holds it, and served a map before: they share one offset.
  if (::lseek(log_.get(), 0, SEEK_SET) != 0) return Failure(base::Error::from_errno(errno, "go to its beginning"));
  std::string data = HV_TRY(base::read_all(log_.get(), options_.largest_log));
  size_t whole = data.rfind('\n') == std::string::npos ? 0 : data.rfind('\n') + 1;
  if (whole != data.size() && ::ftruncate(log_.get(), static_cast<off_t>(whole)) != 0)
    return Failure(base::Error::from_errno(errno, "cut off", "a torn record"));
  log_size_ = whole;
  if (whole == 0) {
    HV_TRY(base::write_all(log_.get(), kHeader));
    log_size_ = kHeader.size();
    return {};
  }
  std::string_view rest = std::string_view(data).substr(0, whole);
  if (!rest.starts_with(kHeader)) return Failure(base::invalid_argument("it is of another version"));
  rest.remove_prefix(kHeader.size());
  for (size_t number = 2; !rest.empty(); ++number) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    std::optional<Record> record = parse_record(line, options_.most_names);
    // Slots are given out one after the other, so a gap is damage; so is a name that already has another address.
    if (!record || record->slot > slots_.size() || by_name_.contains(std::string(record->name)))
      return Failure(base::invalid_argument(base::format("its line {} is damaged", number)));
    assign(record->slot, record->name);
  }
  return {};
}

Status AddressMap::append(uint32_t slot, std::string_view name) {
  std::string record = base::format("{} {}\n", slot, name);
  if (log_size_ + record.size() > options_.largest_log)
    return Failure(base::unavailable("the map of addresses has reached its largest size"));
  if (Status written = base::write_all(log_.get(), record); !written) {
    // Half a record must not become the beginning of the next one.
    (void)::ftruncate(log_.get(), static_cast<off_t>(log_size_));
    return written;
  }
  log_size_ += record.size();
  return {};
}

void AddressMap::assign(uint32_t slot, std::string_view name) {
  if (slot == slots_.size()) {
    ages_.push_back(slot);
    slots_.emplace_back().age = std::prev(ages_.end());
  } else {
    by_name_.erase(slots_[slot].name);
  }
  slots_[slot].name = name;
  by_name_[slots_[slot].name] = slot;
  touch(slot);
}

void AddressMap::touch(uint32_t slot) {
  slots_[slot].last_used = clock_();
  ages_.splice(ages_.end(), ages_, slots_[slot].age);
}

NameAddresses AddressMap::addresses(uint32_t slot) const {
  NameAddresses result{core::IpAddress::from_v4(kFirstSynthetic + slot), prefix_.first};
  for (size_t i = 0; i < 4; ++i) result.v6.bytes[12 + i] = static_cast<uint8_t>((slot + 1) >> (24 - 8 * i));
  return result;
}

Result<NameAddresses> AddressMap::addresses_of(std::string_view name) {
  if (auto known = by_name_.find(std::string(name)); known != by_name_.end()) {
    touch(known->second);
    return addresses(known->second);
  }
  // What cannot be read back must not be written.
  if (Result<std::string> normal = core::parse_host_name(name); !normal || *normal != name)
    return Failure(base::invalid_argument(base::format("'{}' is not a normal host name", base::printable(name))));
  auto slot = static_cast<uint32_t>(slots_.size());
  if (slot >= options_.most_names) {
    uint64_t now = clock_();
    // Names with connections are passed over; there are at most as many as the gateway has connections.
    auto idle = std::ranges::find_if(ages_, [this](uint32_t candidate) { return slots_[candidate].connections == 0; });
    if (idle == ages_.end() || now < slots_[*idle].last_used + options_.reuse_after)
      return Failure(base::unavailable(base::format("all {} addresses are taken", options_.most_names)));
    slot = *idle;
  }
  HV_TRY(append(slot, name));
  assign(slot, name);
  return addresses(slot);
}

std::optional<std::string> AddressMap::name_of(const core::IpAddress& address) const {
  uint32_t slot = 0;
  if (!address.v6) {
    slot = address.v4() - kFirstSynthetic;
  } else {
    if (!prefix_.contains(address)) return std::nullopt;
    for (size_t i = 8; i < 12; ++i)
      if (address.bytes[i] != 0) return std::nullopt;
    for (size_t i = 12; i < 16; ++i) slot = slot << 8 | address.bytes[i];
    --slot;
  }
  if (slot >= slots_.size()) return std::nullopt;
  return slots_[slot].name;
}

bool AddressMap::begin_use(std::string_view name) {
  auto known = by_name_.find(std::string(name));
  if (known == by_name_.end()) return false;
  ++slots_[known->second].connections;
  touch(known->second);
  return true;
}

void AddressMap::end_use(std::string_view name) {
  auto known = by_name_.find(std::string(name));
  HV_CHECK(known != by_name_.end());
  HV_CHECK(slots_[known->second].connections > 0);
  --slots_[known->second].connections;
  touch(known->second);
}

}  // namespace hv::network
