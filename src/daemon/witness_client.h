// `hydravisor audit witness URL`: a witness behind HTTP (c2sp.org/tlog-witness), asked by the daemon's program.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "audit/remote_witness.h"
#include "base/result.h"
#include "core/paths.h"

namespace hv::daemon {

// http://HOST[:PORT][/PREFIX]: what a witness is submitted to.
struct WitnessUrl {
  std::string host;
  std::string port;
  std::string prefix;  // "/a/b", without a slash at its end

  // unsupported for https: there is no TLS in this program.
  static base::Result<WitnessUrl> parse(std::string_view text);
  std::string text() const;
};

// True for what is meant as an address and not as a directory.
bool is_url(std::string_view text);
// Where what this witness signed is kept.
std::string kept_of(const core::Paths& paths, const WitnessUrl& url);
// Has the witness cosign the present checkpoint.
base::Result<audit::Witnessed> ask_witness(const core::Paths& paths, const WitnessUrl& url,
                                           const std::optional<std::string>& key);

}  // namespace hv::daemon
