// The client's side of TLS over a connected socket. Who is at the other end is known before a byte is sent: its
// certificate has to be valid now, for the host that was asked for, and by an authority that this machine trusts.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace hv::base {

class TlsClient {
 public:
  struct Options {
    std::string host;                   // a name, or an address as text: what the certificate has to be for
    std::string authorities;            // a file of certificates in PEM; empty: those of the machine
    std::chrono::seconds patience{20};  // for the whole conversation
  };
  // Shakes hands, at least TLS 1.2. unavailable when the other end does not speak TLS, denied when it is not who was
  // asked for, timeout.
  static Result<TlsClient> connect(Fd socket, const Options& options);

  Status write(std::string_view bytes);
  // Some bytes; empty at the end of what the other side sends.
  Result<std::string> read();

 private:
  struct State;
  struct Free {
    void operator()(State* state) const;
  };
  explicit TlsClient(std::unique_ptr<State, Free> state) : state_(std::move(state)) {}
  std::unique_ptr<State, Free> state_;
};

}  // namespace hv::base
