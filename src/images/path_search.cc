#include "images/path_search.h"

namespace hv::images {

namespace {

// A plan asks three at most, unless what they are about changes each time.
constexpr size_t kMostAnswers = 8;

}  // namespace

PathSearch::Found PathSearch::find(Question question) {
  for (const auto& [known, found] : answers_)
    if (known == question) return found;
  Found found = InsideView(question.mounts).find(question.patterns, question.directories, little_);
  if (found || found.error().code() != base::ErrorCode::unavailable || little_ == InsideView::Bounds{}) return found;
  if (answers_.size() == kMostAnswers)
    return base::Failure(base::unavailable("what the policy hides cannot be looked for: the places change all the time")
                             .with_hint("start it when nothing mounts or moves the workspace"));
  open_ = std::move(question);
  return base::Failure(base::unavailable("the search for what is to be covered is not finished"));
}

void PathSearch::answer() {
  if (!open_) return;
  Found found = InsideView(open_->mounts).find(open_->patterns, open_->directories);
  answers_.emplace_back(*std::exchange(open_, std::nullopt), std::move(found));
}

}  // namespace hv::images
