// Which protocol a client speaks, from the first bytes it sends. A guess that decides only which reader comes next:
// each of them is strict, and what might be taken for HTTP or TLS by a lenient server is called so here.
#pragma once

#include <string_view>

namespace hv::network {

enum class Protocol {
  need_more,
  tls,
  http1,
  h2c,  // HTTP/2 in the clear with prior knowledge
  ssh,
  other,
};

// `first` is everything the client has sent. Another answer than need_more does not change with further bytes.
Protocol sniff(std::string_view first);

std::string_view protocol_name(Protocol protocol);

// Whether this is the whole first packet of git's own protocol (git://), with the zero byte that ends its path: no line
// ends in it, so that sniff() would wait for more, and a client that waits for the answer sends none.
bool is_git_request(std::string_view first);

}  // namespace hv::network
