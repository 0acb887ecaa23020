#include "network/http_body.h"

#include <algorithm>
#include <initializer_list>

#include "network/ascii.h"

namespace hv::network {

namespace {

constexpr int kMostDigits = 16;

// Fields that decide where a message ends or whom it is for mean nothing behind it, and some readers heed them.
bool is_forbidden_trailer(std::string_view name) {
  return std::ranges::any_of(std::initializer_list<std::string_view>{"host", "content-length", "transfer-encoding"},
                             [&](std::string_view forbidden) { return equal_ignoring_case(name, forbidden); });
}

}  // namespace

HttpBodyReader::HttpBodyReader(HttpFraming framing) : kind_(framing.kind), remaining_(framing.length) {
  if (kind_ == HttpFraming::Kind::chunked) {
    step_ = Step::size;
    remaining_ = 0;
  }
  bool empty = kind_ == HttpFraming::Kind::none || (kind_ == HttpFraming::Kind::length && remaining_ == 0);
  if (empty) state_ = State::complete;
}

size_t HttpBodyReader::feed(std::string_view bytes) {
  if (state_ == State::need_more && (kind_ == HttpFraming::Kind::until_close || kind_ == HttpFraming::Kind::tunnel)) {
    content_ += bytes.size();
    return bytes.size();
  }
  size_t used = 0;
  while (state_ == State::need_more && used < bytes.size()) {
    if (step_ == Step::data)
      used += take_data(bytes.size() - used);
    else if (take_framing(bytes[used]))
      ++used;
  }
  return used;
}

size_t HttpBodyReader::take_data(size_t available) {
  size_t count = static_cast<size_t>(std::min<uint64_t>(available, remaining_));
  remaining_ -= count;
  content_ += count;
  if (remaining_ > 0) return count;
  if (kind_ == HttpFraming::Kind::length)
    state_ = State::complete;
  else
    step_ = Step::data_cr;
  return count;
}

bool HttpBodyReader::refuse(std::string_view reason) {
  state_ = State::refused;
  reason_ = reason;
  return false;
}

// One byte that is not content; false when it made the body refused.
bool HttpBodyReader::take_framing(char c) {
  switch (step_) {
    case Step::size:
      if (int digit = hex_digit(c); digit >= 0) {
        if (++digits_ > kMostDigits) return refuse("a chunk size of more than 16 digits");
        remaining_ = remaining_ << 4 | static_cast<uint64_t>(digit);
        return true;
      }
      if (digits_ == 0) return refuse("a chunk without a size");
      if (remaining_ > kChunkLimit) return refuse("a chunk beyond all measure");
      if (c != ';' && c != '\r') return refuse("a chunk size that is no hexadecimal number");
      step_ = c == ';' ? Step::extension : Step::size_lf;
      extension_ = 0;
      return true;
    case Step::extension:
      if (c == '\r') {
        step_ = Step::size_lf;
        return true;
      }
      if (!is_line_text(c)) return refuse("a control character in a chunk extension");
      if (++extension_ > kExtensionLimit) return refuse("a chunk extension longer than 256 bytes");
      return true;
    case Step::size_lf:
      if (c != '\n') return refuse("a chunk size without its line end");
      step_ = remaining_ == 0 ? Step::trailer : Step::data;
      digits_ = 0;
      return true;
    case Step::data_cr:
      if (c != '\r') return refuse("a chunk longer than its size");
      step_ = Step::data_lf;
      return true;
    case Step::data_lf:
      if (c != '\n') return refuse("a chunk longer than its size");
      step_ = Step::size;
      return true;
    case Step::trailer:
      if (++trailers_ > kTrailerLimit) return refuse("trailers longer than 8 KiB");
      if (c == '\r') {
        step_ = Step::trailer_lf;
        return true;
      }
      if (!is_line_text(c)) return refuse("a control character in a trailer");
      line_.push_back(c);
      return true;
    case Step::trailer_lf:
      if (c != '\n') return refuse("a trailer without its line end");
      step_ = Step::trailer;
      return end_trailer_line();
    case Step::data:
      break;
  }
  return false;
}

bool HttpBodyReader::end_trailer_line() {
  if (line_.empty()) {
    state_ = State::complete;
    return true;
  }
  auto field = parse_field(line_);
  line_.clear();
  if (!field) return refuse(field.error().message());
  if (is_forbidden_trailer(field->name)) return refuse("a trailer that decides how a message is read");
  return true;
}

}  // namespace hv::network
