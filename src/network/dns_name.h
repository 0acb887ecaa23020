// A DNS name as its labels on the wire (RFC 1035, 3.1), its case kept: resolvers that vary the case of what they ask
// want it echoed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hv::network {

class DnsName {
 public:
  // The root.
  DnsName() : wire_(1, '\0') {}

  // "Example.org" or "example.org."; "." is the root. Takes the escapes that text() writes.
  static base::Result<DnsName> from_text(std::string_view text);
  // Reads the name at `at` and moves `at` behind it. A pointer may only lead backwards, so that no message can hold a
  // loop; in a query none is accepted at all.
  enum class Pointers { refused, followed };
  static base::Result<DnsName> from_wire(std::string_view message, size_t& at, Pointers pointers);

  // Lengths and labels with the ending zero, at most 255 bytes.
  const std::string& wire() const { return wire_; }
  // Lower-case, without trailing dot; bytes other than letters, digits, '-' and '_' as \DDD, so that two names never
  // have the same text and any name can be printed. "." for the root.
  std::string text() const;
  // Labels of letters, digits, '-' and '_' only, at least one: what a policy can name.
  bool is_host_name() const;
  bool is_root() const { return wire_.size() == 1; }
  // Views into this name.
  std::vector<std::string_view> labels() const;

  // Names differ by more than the case of ASCII letters or they are the same.
  bool operator==(const DnsName& other) const;

 private:
  std::string wire_;
};

}  // namespace hv::network
