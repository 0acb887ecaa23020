// Heads of HTTP/1 requests and responses with any bytes in any pieces: the same either way, and what is accepted and
// written again is accepted again and equal.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "network/http_head.h"
#include "network/http_response.h"

namespace {

using namespace hv::network;

void require(bool claim) {
  if (!claim) std::abort();
}

template <typename Reader>
HeadState read(Reader& reader, std::string_view text, size_t step) {
  HeadState state = HeadState::need_more;
  for (size_t end = 0; end < text.size() && state == HeadState::need_more;) {
    end = std::min(end + step, text.size());
    state = reader.read(text.substr(0, end));
  }
  return state;
}

template <typename Reader>
bool agrees(Reader whole, Reader pieces, std::string_view text, size_t step) {
  Reader again = whole;
  HeadState state = read(whole, text, text.size() + 1);
  require(state == read(pieces, text, step));
  require(whole.reason() == pieces.reason() && (state == HeadState::refused) == !whole.reason().empty());
  if (state != HeadState::complete) return false;
  require(whole.head() == pieces.head() && whole.size() == pieces.size() && whole.size() <= text.size());
  std::string written = to_text(whole.head());
  // A value of no bytes gets a blank before it and may grow beyond the limit.
  if (written.size() > HeadReader::kSizeLimit) return false;
  require(read(again, written, written.size()) == HeadState::complete && again.size() == written.size());
  require(again.head() == whole.head());
  return true;
}

void check_request(std::string_view text) {
  RequestHeadReader reader;
  read(reader, text, text.size());
  const RequestHead& head = reader.head();
  require(head.authority || head.minor_version == 0);
  require(head.target.find_first_of(" \r\n\t") == std::string::npos);
  if (head.authority) {
    auto again = parse_authority(head.authority->text());
    require(again && *again == *head.authority);
  }
  RequestHead plain = without_upgrade(head);
  RequestHeadReader reread;
  std::string text_of_plain = to_text(plain);
  if (text_of_plain.size() <= HeadReader::kSizeLimit) {
    require(read(reread, text_of_plain, text_of_plain.size()) == HeadState::complete);
    require(reread.head() == plain);
  }
  std::string origin = to_origin_text(head);
  if (origin.size() > HeadReader::kSizeLimit || head.fields.size() == HeadReader::kFieldLimit) return;
  RequestHeadReader second;
  require(read(second, origin, origin.size()) == HeadState::complete);
  require(second.head().framing == head.framing && second.head().keep_alive == head.keep_alive);
  require(second.head().authority.has_value() == head.authority.has_value());
  if (head.authority) require(second.head().authority->host == head.authority->host);
  require(second.head().form != RequestHead::Form::absolute);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  size_t step = data[0] % 16 + 1;
  if (agrees(RequestHeadReader(), RequestHeadReader(), text, step)) check_request(text);
  constexpr std::string_view kMethods[] = {"GET", "HEAD", "CONNECT", "POST"};
  ResponseHeadReader::Asked asked{std::string(kMethods[data[0] >> 4 & 3]), (data[0] & 0x80) != 0};
  agrees(ResponseHeadReader(asked), ResponseHeadReader(asked), text, step);
  return 0;
}
