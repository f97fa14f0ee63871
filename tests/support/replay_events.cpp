#include "support/replay_events.h"

#include <poll.h>
#include <sys/socket.h>

#include <utility>

namespace repodigest::support::replay {

EventStreams::Stream::Stream(EventStreams& streams) : streams_(streams) {
  const MutexLock lock(streams_.mutex_);
  streams_.open_.push_back(this);
  streams_.changed_.notify_all();
}

EventStreams::Stream::~Stream() {
  const MutexLock lock(streams_.mutex_);
  streams_.open_.remove(this);
  streams_.changed_.notify_all();
}

EventStreams::Stream::End EventStreams::Stream::run(int socket, const Wake& stop,
                                                    const std::function<bool(std::string_view line)>& send) {
  const Cancel cancel = Cancel(stop).also(changed_);
  while (true) {
    std::vector<std::string> lines;
    bool ended = false;
    {
      const MutexLock lock(streams_.mutex_);
      changed_.clear();
      lines.swap(waiting_);
      ended = ended_;
    }
    for (const std::string& line : lines)
      if (!send(line)) return End::given_up;
    if (ended) return End::ended;
    if (!cancel.wait(socket, POLLRDHUP) || stop.raised()) return End::given_up;
  }
}

void EventStreams::ring(const std::string& json_line) {
  const MutexLock lock(mutex_);
  for (Stream* const stream : open_) {
    stream->waiting_.push_back(json_line);
    stream->changed_.raise();
  }
}

void EventStreams::end() {
  const MutexLock lock(mutex_);
  for (Stream* const stream : open_) {
    stream->ended_ = true;
    stream->changed_.raise();
  }
}

bool EventStreams::wait_until_open(std::size_t count, std::chrono::seconds patience) const {
  const MutexLock lock(mutex_);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (open_.size() != count)
    if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) return open_.size() == count;
  return true;
}

}  // namespace repodigest::support::replay
