// A connection's bytes, whatever carries them: a unix socket now, TLS later. Loop's thread only; callbacks come later,
// never inside the call.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "http/loop.h"

namespace hv::http {

class Stream {
 public:
  using Done = std::function<void(base::Result<size_t>)>;

  virtual ~Stream() = default;
  // At least one byte, or 0 at the end. One read at a time; `buffer` lives until the callback.
  virtual void read_some(std::span<char> buffer, Done done) = 0;
  // All of it. One write at a time.
  virtual void write(std::string bytes, Done done) = 0;
  // Calls back once when the peer has closed both directions.
  virtual void on_gone(std::function<void()> callback) = 0;
  // No more is written; what was, arrives.
  virtual void shut_down_write() = 0;
  // The blocking descriptor itself; pending operations are dropped. unsupported for what is more than a descriptor.
  virtual base::Result<base::Fd> release() = 0;
  virtual void close() = 0;
};

std::unique_ptr<Stream> make_unix_stream(Loop& loop, base::Fd socket);

}  // namespace hv::http
