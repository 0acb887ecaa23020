#include "api/pull_stream.h"

#include <chrono>
#include <utility>

namespace hv::api {

void PullStream::start(Context& context, std::shared_ptr<Call> call,
                       const std::function<base::Result<Source>(std::function<void()> wake)>& make) {
  std::shared_ptr<PullStream> stream(new PullStream(context, std::move(call)));
  std::weak_ptr<PullStream> weak = stream;
  auto source = make([weak, &loop = context.loop] {
    loop.post([weak] {
      if (auto self = weak.lock()) self->pump();
    });
  });
  if (!source) return stream->call_->refuse(source.error());
  stream->source_ = std::move(*source);
  context.streams.insert(stream);
  stream->call_->exchange().on_gone([weak] {
    if (auto self = weak.lock()) self->stop();
  });
  stream->pump();
}

void PullStream::stop() {
  stopped_ = true;
  source_.wake.reset();
  beat_.reset();
  writer_.reset();
  context_.streams.erase(shared_from_this());
}

void PullStream::pump() {
  if (stopped_) return;
  if (std::exchange(busy_, true)) {
    woken_ = true;
    return;
  }
  beat_.reset();
  bool taken = context_.pool.submit([self = shared_from_this()] {
    auto piece = std::make_shared<base::Result<Piece>>(self->source_.fetch());
    self->context_.loop.post([self, piece] { self->deliver(std::move(*piece)); });
  });
  if (!taken) deliver(base::Failure(base::unavailable("the daemon is busy")));
}

void PullStream::deliver(base::Result<Piece> piece) {
  if (stopped_) return;
  if (!piece) {
    if (!writer_) call_->refuse(piece.error());
    return stop();
  }
  if (!writer_) writer_ = call_->exchange().stream(with_identity(source_.head));
  if (!piece->bytes.empty()) return write(piece->bytes, piece->ended);
  if (piece->ended) return end();
  busy_ = false;
  if (std::exchange(woken_, false)) return pump();
  if (source_.beat.empty()) return;
  beat_ = context_.loop.after(std::chrono::seconds(15), [this] {
    if (!std::exchange(busy_, true)) write(source_.beat, false);
  });
}

void PullStream::write(std::string_view bytes, bool ended) {
  writer_->write(bytes, [self = shared_from_this(), ended](bool alive) {
    if (self->stopped_) return;
    if (!alive) return self->stop();
    if (ended) return self->end();
    self->busy_ = false;
    self->pump();
  });
}

void PullStream::end() {
  writer_->end();
  stop();
}

}  // namespace hv::api
