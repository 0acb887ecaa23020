// Netlink messages built by hand, for static programs: rtnetlink(7) and nfnetlink. A Batch is one buffer with any
// number of messages; exchange() sends it in one call and reads the kernel's answer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace hv::isolation {

class NetlinkBatch {
 public:
  // Begins a message with its family's fixed header; what follows until the next begin() are its attributes.
  NetlinkBatch& begin(uint16_t type, uint16_t flags, std::string_view header);
  NetlinkBatch& attribute(uint16_t type, std::string_view value);
  NetlinkBatch& text(uint16_t type, std::string_view value);  // with the 0 at its end
  NetlinkBatch& native32(uint16_t type, uint32_t value);      // rtnetlink's byte order
  NetlinkBatch& big32(uint16_t type, uint32_t value);         // nfnetlink's
  // Attributes made by `inside` become one nested attribute.
  template <typename F>
  NetlinkBatch& nest(uint16_t type, F inside) {
    size_t start = open_nest(type);
    inside();
    close_nest(start);
    return *this;
  }
  std::string take();
  uint32_t last_sequence() const { return sequence_; }

 private:
  size_t open_nest(uint16_t type);
  void close_nest(size_t start);
  void end_message();

  std::string data_;
  size_t message_ = 0;
  bool open_ = false;
  uint32_t sequence_ = 0;
};

// `family` is NETLINK_ROUTE or NETLINK_NETFILTER. unsupported when the kernel has no such family.
base::Result<base::Fd> open_netlink(int family);

// Sends the batch and waits for the acknowledgement of the message `acknowledged`, the only one that asks for it
// besides those that fail: the first failure's errno otherwise, in Error::os_error().
base::Status exchange(int socket, const std::string& batch, uint32_t acknowledged, std::string_view operation);

}  // namespace hv::isolation
