// The TLS hello reader and the protocol guess with any bytes in any pieces: the same either way, and every name it
// gives is one that rules can be held against.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "network/authority.h"
#include "network/client_hello.h"
#include "network/protocol_sniff.h"

namespace {

using namespace hv::network;

void require(bool claim) {
  if (!claim) std::abort();
}

ClientHelloReader read(std::string_view text, size_t step) {
  ClientHelloReader reader;
  for (; !text.empty(); text.remove_prefix(std::min(step, text.size()))) reader.feed(text.substr(0, step));
  return reader;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  size_t step = data[0] % 16 + 1;
  ClientHelloReader whole = read(text, text.size() + 1);
  ClientHelloReader pieces = read(text, step);
  require(whole.state() == pieces.state() && whole.hello() == pieces.hello() && whole.reason() == pieces.reason());
  require((whole.state() == ClientHelloReader::State::malformed) == !whole.reason().empty());
  if (const auto& name = whole.hello().server_name) {
    auto again = parse_server_name(*name);
    require(again && *again == *name);
  }

  Protocol protocol = sniff(text);
  for (size_t part = 0; part < text.size(); part += step) {
    Protocol early = sniff(text.substr(0, part));
    require(early == Protocol::need_more || early == protocol);
  }
  // What the reader takes for TLS, well or badly made, never goes by as raw bytes.
  bool is_tls =
      whole.state() == ClientHelloReader::State::hello || whole.state() == ClientHelloReader::State::malformed;
  if (is_tls) require(protocol == Protocol::tls);
  return 0;
}
