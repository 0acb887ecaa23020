// A search for what patterns match in a tree that an agent may have made huge: at once where it is small, elsewhere
// than on the caller's thread where it is not. A plan that needs one is refused, and made again when the answer is
// there.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "core/glob.h"
#include "core/launch.h"
#include "images/inside_view.h"

namespace hv::images {

class PathSearch {
 public:
  using Found = base::Result<std::vector<InsideView::Found>>;
  struct Question {
    std::vector<core::Glob> patterns;
    std::vector<std::string> directories;
    std::vector<core::Mount> mounts;
    bool operator==(const Question&) const = default;
  };

  // `little` is what is looked at on the caller's thread; with the whole of InsideView::Bounds nothing is put off.
  explicit PathSearch(InsideView::Bounds little) : little_(little) {}
  // As InsideView::find(). unavailable, and waits(), when that is more than a little and this question was not answered
  // yet.
  Found find(Question question);
  bool waits() const { return open_.has_value(); }
  // Answers the question that waits; takes as long as InsideView::Bounds allow. Any thread, but one at a time.
  void answer();

 private:
  InsideView::Bounds little_;
  std::optional<Question> open_;
  std::vector<std::pair<Question, Found>> answers_;
};

}  // namespace hv::images
