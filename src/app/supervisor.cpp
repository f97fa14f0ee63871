#include "supervisor.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "repodigest/base/cancel.h"
#include "repodigest/base/fd.h"
#include "whole_number.h"

namespace repodigest::app {
namespace {

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// How long to wait for a manager that is busy: it must learn that we are ready, and we must end.
constexpr Duration patience = std::chrono::seconds(2);

/// Half of what the manager waits, as sd_watchdog_enabled(3) advises.
std::optional<Duration> half_of(std::string_view usec, std::string_view pid) {
  if (usec.empty()) return std::nullopt;
  if (!pid.empty() && whole_number<pid_t>(pid) != ::getpid()) return std::nullopt;  // another process's
  const auto microseconds = whole_number<std::int64_t>(usec);
  constexpr std::int64_t longest = std::chrono::microseconds(std::chrono::hours(24 * 365)).count();
  if (!microseconds || *microseconds <= 0 || *microseconds > longest) {
    log::warn("WATCHDOG_USEC is no time in microseconds: the watchdog is not pinged",
              {{"WATCHDOG_USEC", usec}});
    return std::nullopt;
  }
  return std::max<Duration>(std::chrono::microseconds(*microseconds) / 2, std::chrono::milliseconds(1));
}

/// 0, or the errno of what failed.
int send_to(const std::string& path, std::string_view text, Duration time) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, sizeof name.sun_path);
  if (path.front() == '@') name.sun_path[0] = '\0';  // an abstract one, which has no zero at its end
  const auto size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (path.front() == '@' ? 0 : 1));
  const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0) return errno;
  const auto limit = Cancel().within(time);
  while (::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN || limit.wait(fd.get(), POLLOUT)) return errno;
  }
  return 0;
}

}  // namespace

Supervisor::Supervisor(std::string notify_socket, std::string_view watchdog_usec,
                       std::string_view watchdog_pid) {
  if (notify_socket.empty()) return;
  const bool can_be = (notify_socket.front() == '/' || notify_socket.front() == '@') &&
                      notify_socket.size() > 1 && notify_socket.size() < sizeof(sockaddr_un::sun_path);
  if (!can_be) {
    log::warn(
        "the service manager hears nothing: NOTIFY_SOCKET is neither a path nor an abstract name of a unix "
        "socket",
        {{"NOTIFY_SOCKET", notify_socket}});
    return;
  }
  notify_socket_ = std::move(notify_socket);
  ping_interval_ = half_of(watchdog_usec, watchdog_pid);
}

Supervisor Supervisor::of_process() {
  return {variable("NOTIFY_SOCKET"), variable("WATCHDOG_USEC"), variable("WATCHDOG_PID")};
}

void Supervisor::tell(std::string_view state, std::string_view status) const {
  std::string text(status);
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' '; }, ' ');
  send(std::string(state) + "\nSTATUS=" + text, patience);
}

void Supervisor::ping() const {
  send("WATCHDOG=1", Duration::zero());
}

void Supervisor::send(std::string_view message, Duration time) const {
  if (notify_socket_.empty()) return;
  const int error = send_to(notify_socket_, message, time);
  if (error == 0) return;
  const auto why = errno_text(error);
  if (const auto count = trouble_.occurred(why, std::chrono::steady_clock::now()))
    log::warn("the service manager could not be told how the program fares",
              {{"socket", notify_socket_}, {"error", why}, {"count", std::to_string(*count)}});
}

}  // namespace repodigest::app
