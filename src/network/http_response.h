// The head of one HTTP/1 response: the gateway passes it on unchanged and needs to know only where the response ends.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "network/http_head_reader.h"

namespace hv::network {

struct ResponseHead {
  int status = 0;
  int minor_version = 1;
  std::string reason_phrase;
  std::vector<HttpField> fields;
  HttpFraming framing;
  bool keep_alive = false;
  // 1xx but 101: the final response is still to come.
  bool is_interim() const { return status < 200 && status != 101; }

  bool operator==(const ResponseHead&) const = default;
};

class ResponseHeadReader final : public HeadReader {
 public:
  // What was asked decides how an answer ends: HEAD has no body, CONNECT opens a tunnel, and 101 is believed only when
  // an upgrade was asked for.
  struct Asked {
    std::string method;
    bool upgrade = false;
  };
  explicit ResponseHeadReader(Asked asked) : asked_(std::move(asked)) {}

  // After complete.
  const ResponseHead& head() const { return head_; }

 private:
  base::Status read_start_line(std::string_view line) override;
  base::Status finish() override;
  std::vector<HttpField>& fields() override { return head_.fields; }

  Asked asked_;
  ResponseHead head_;
};

std::string to_text(const ResponseHead& head);

}  // namespace hv::network
