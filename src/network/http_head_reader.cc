#include "network/http_head_reader.h"

#include "network/ascii.h"

namespace hv::network {

namespace {

base::Failure bad(std::string_view what) {
  return base::Failure(base::invalid_argument(std::string(what)));
}

}  // namespace

HeadState HeadReader::read(std::string_view so_far) {
  if (state_ != HeadState::need_more) return state_;
  auto scanned = scan(so_far);
  if (!scanned) reason_ = scanned.error().message();
  state_ = scanned ? *scanned : HeadState::refused;
  return state_;
}

base::Result<HeadState> HeadReader::scan(std::string_view so_far) {
  for (; at_ < so_far.size(); ++at_) {
    if (at_ >= kSizeLimit) return bad("a head longer than 64 KiB");
    char c = so_far[at_];
    bool after_cr = at_ > line_start_ && so_far[at_ - 1] == '\r';
    if (c == '\n') {
      if (!after_cr) return bad("a line feed without a carriage return");
      std::string_view text = so_far.substr(line_start_, at_ - 1 - line_start_);
      line_start_ = at_ + 1;
      if (text.empty()) {
        ++at_;
        if (!has_start_line_) return bad("an empty line before the first");
        HV_TRY(finish());
        return HeadState::complete;
      }
      HV_TRY(take(text));
    } else if (after_cr) {
      return bad("a carriage return without a line feed");
    } else if (c != '\r' && !is_line_text(c)) {
      return bad("a control character");
    }
  }
  return HeadState::need_more;
}

base::Status HeadReader::take(std::string_view line) {
  if (!has_start_line_) {
    has_start_line_ = true;
    return read_start_line(line);
  }
  if (fields().size() == kFieldLimit) return bad("more than 200 fields");
  fields().push_back(HV_TRY(parse_field(line)));
  return {};
}

}  // namespace hv::network
