// `hydravisor audit witness URL`: a witness behind HTTP or HTTPS (c2sp.org/tlog-witness), asked by the daemon's
// program.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "audit/remote_witness.h"
#include "base/result.h"
#include "core/paths.h"

namespace hv::daemon {

// http://HOST[:PORT][/PREFIX], or https://: what a witness is submitted to.
struct WitnessUrl {
  bool tls = false;
  std::string host;
  std::string port;
  std::string prefix;  // "/a/b", without a slash at its end

  static base::Result<WitnessUrl> parse(std::string_view text);
  std::string text() const;
};

// True for what is meant as an address and not as a directory.
bool is_url(std::string_view text);
// Where what this witness signed is kept.
std::string kept_of(const core::Paths& paths, const WitnessUrl& url);
// Has the witness cosign the present checkpoint. `key` is its public key; `authorities` a file of those that may vouch
// for an https:// witness, empty for the machine's.
base::Result<audit::Witnessed> ask_witness(const core::Paths& paths, const WitnessUrl& url,
                                           const std::optional<std::string>& key, const std::string& authorities);

}  // namespace hv::daemon
