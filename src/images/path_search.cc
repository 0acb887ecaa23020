#include "images/path_search.h"

namespace hv::images {

PathSearch::Found PathSearch::find(Question question) {
  for (const auto& [known, found] : answers_)
    if (known == question) return found;
  Found found = InsideView(question.mounts).find(question.patterns, question.directories, little_);
  if (found || found.error().code() != base::ErrorCode::unavailable || little_ == InsideView::Bounds{}) return found;
  open_ = std::move(question);
  return base::Failure(base::unavailable("the search for what is to be covered is not finished"));
}

void PathSearch::answer() {
  if (!open_) return;
  Found found = InsideView(open_->mounts).find(open_->patterns, open_->directories);
  answers_.emplace_back(*std::exchange(open_, std::nullopt), std::move(found));
}

}  // namespace hv::images
