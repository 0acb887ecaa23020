// What the ledger keeps. An event is made where it happens; its payload is an object whose members depend on the kind
// (docs/events.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"

namespace hv::core {

// How far a statement can be believed. No decision is ever taken on `claimed`.
enum class Trust {
  observed,  // by us, or what the kernel shows after the fact
  claimed,   // read from the agent's memory, which it can change between our look and the kernel's
  gateway,   // seen on the wire by the gateway
  guest,     // told by a virtual machine's inside
};
enum class Risk { info, low, medium, high };

std::string_view trust_name(Trust trust);
std::string_view risk_name(Risk risk);
base::Result<Trust> parse_trust(std::string_view text);
base::Result<Risk> parse_risk(std::string_view text);

// Where an event lay before the journal: the spool of one sandbox. Makes adoption after a crash idempotent.
struct Origin {
  std::string spool;      // the sandbox's id
  uint64_t sequence = 0;  // 1, 2, 3, ... without a gap
};

struct Event {
  base::WallTime wall{};
  base::MonotonicTime monotonic{};
  std::string kind;       // "sandbox.started", "exec.started", "call.denied", ...
  std::string sandbox;    // the sandbox's id; empty for what concerns none
  std::string principal;  // who caused it: "user:1000", "agent:<sandbox id>", "system"
  Trust trust = Trust::observed;
  Risk risk = Risk::info;
  base::json::Object payload;
  std::optional<Origin> origin;
};

// Where events go. One implementation writes the ledger; tests keep them in a list.
class Recorder {
 public:
  virtual ~Recorder() = default;
  // Returns once the event is recorded: it survives kill -9 of this process, though not yet a power cut. The value is
  // its ledger index. A failure means that the effect the event announces must not happen. Any thread.
  virtual base::Result<uint64_t> record(const Event& event) = 0;
};

}  // namespace hv::core
