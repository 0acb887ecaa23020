#include "gateway/supervisor_link.h"

#include "shimwire/channel.h"
#include "shimwire/egress_codec.h"
#include "shimwire/protocol.h"

namespace hv::gateway {

using shimwire::Gateway;

void SupervisorLink::opened(uint64_t connection, const core::Flow& flow) {
  shimwire::Writer writer;
  writer.u64(connection);
  static_cast<void>(
      shimwire::send_packet(socket_, static_cast<uint8_t>(Gateway::opened), writer.take() + shimwire::encode(flow)));
}

void SupervisorLink::before(const core::NetworkEvent& event, std::function<void()> then) {
  ask_in_turn({event, std::move(then)});
}

void SupervisorLink::when_heard(std::function<void()> then) {
  ask_in_turn({std::nullopt, std::move(then)});
}

void SupervisorLink::ask_in_turn(Waiting waiting) {
  if (asked_.size() >= kMost) return queue_.push_back(std::move(waiting));
  ask(std::move(waiting));
}

void SupervisorLink::ask(Waiting waiting) {
  shimwire::Writer writer;
  writer.u64(++last_number_);
  Gateway type = waiting.event ? Gateway::attempt : Gateway::heard;
  std::string body = writer.take() + (waiting.event ? shimwire::encode(*waiting.event) : std::string());
  // A supervisor that is gone takes this process with it.
  if (shimwire::send_packet(socket_, static_cast<uint8_t>(type), body))
    asked_.emplace(last_number_, std::move(waiting.then));
}

void SupervisorLink::recorded(uint64_t number) {
  auto found = asked_.find(number);
  if (found == asked_.end()) return;
  std::function<void()> then = std::move(found->second);
  asked_.erase(found);
  if (!queue_.empty()) {
    Waiting next = std::move(queue_.front());
    queue_.pop_front();
    ask(std::move(next));
  }
  then();
}

void SupervisorLink::told(const core::NetworkEvent& event) {
  static_cast<void>(shimwire::send_packet(socket_, static_cast<uint8_t>(Gateway::told), shimwire::encode(event)));
}

}  // namespace hv::gateway
