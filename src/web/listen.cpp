#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "listener.h"
#include "repodigest/base/file.h"

namespace repodigest::web {
namespace {

constexpr int backlog = 512;  ///< the kernel's net.core.somaxconn cuts it

/// The Error of a system call that failed with `error`, with what to do about it.
Error cannot_listen(const ListenAddress& address, std::string_view flag, int error) {
  const auto other = [flag] { return " or choose another address with " + std::string(flag); };
  std::string advice;
  switch (error) {
    case EADDRINUSE:
      advice = ": another program listens there: stop it" + other();
      break;
    case EADDRNOTAVAIL:
      advice = ": this machine has no such address: add it" + other();
      break;
    case EACCES:
    case EPERM:
      advice = address.is_unix
                   ? ": the process must be allowed to write to that folder: change that" + other()
                   : ": ports below 1024 need CAP_NET_BIND_SERVICE: grant it" + other();
      break;
    case ENOENT:
    case ENOTDIR:
      advice = ": make that folder" + other();
      break;
    default:
      break;
  }
  const bool denied = error == EACCES || error == EPERM;
  return {denied ? Reason::permission : Reason::connect,
          "cannot listen at " + address.text() + ": " + errno_text(error) + advice};
}

Error cannot_give_to_group(const ListenAddress& address, gid_t group, int error) {
  const bool denied = error == EPERM;
  return {denied ? Reason::permission : Reason::connect,
          "cannot give " + address.text() + " to group " + std::to_string(group) + ": " + errno_text(error) +
              (denied ? ": the process must be a member of that group: make it one or choose another group"
                      : "")};
}

Fd make_socket(int family) {
  return Fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

sockaddr_un unix_name(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
  return name;
}

/// Locks the folder of a socket, until it is closed, against other instances that start in the same moment:
/// else the second could take the first one's new socket for the dead one that both have seen there. A lock
/// that can't be had does not keep from starting: whoever may read the folder can hold one.
Fd lock_folder_of(const std::string& path) {
  constexpr auto patience = std::chrono::seconds(1);
  constexpr auto pause = std::chrono::milliseconds(5);
  Fd fd(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto end = std::chrono::steady_clock::now() + patience;
  while (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK &&
         std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(pause);
  return fd;
}

/// Gives the socket that was bound there its group and its mode. Not by its path: where somebody else may
/// write to the folder, that can be their link to a file that they want to read.
Status give(const Fd& place, const ListenAddress& address, const Listener::Manners& manners) {
  if (manners.socket_group &&
      ::fchownat(place.get(), "", static_cast<uid_t>(-1), *manners.socket_group, AT_EMPTY_PATH) != 0)
    return cannot_give_to_group(address, *manners.socket_group, errno);
  // fchmod(2) refuses an O_PATH descriptor, chmod(2) takes its name. Where no /proc is mounted, Linux 6.6 has
  // a call for it, which C libraries of that time do not know.
  const std::string name = "/proc/self/fd/" + std::to_string(place.get());
  if (::chmod(name.c_str(), manners.socket_mode) == 0) return {};
  const int error = errno;
  constexpr long fchmodat2 = 452;  // on every architecture
  if (error == ENOENT && ::syscall(fchmodat2, place.get(), "", manners.socket_mode, AT_EMPTY_PATH) == 0)
    return {};
  return Error{Reason::connect,
               "cannot set the mode of " + address.text() + " (by " + name + "): " + errno_text(error)};
}

/// Removes what a dead process left at the path; anything else there is an Error.
Status make_room(const ListenAddress& address, std::string_view flag) {
  struct stat found {};
  if (::lstat(address.path.c_str(), &found) != 0)
    return errno == ENOENT ? Status() : Status(cannot_listen(address, flag, errno));
  const auto refused = [&](const std::string& why) {
    return Error{Reason::connect, "cannot listen at " + address.text() + ": " + why +
                                      "; remove it or choose another address with " + std::string(flag)};
  };
  if (!S_ISSOCK(found.st_mode)) return refused("something that is not a socket stands there");
  const Fd probe = make_socket(AF_UNIX);
  if (!probe) return cannot_listen(address, flag, errno);
  const auto name = unix_name(address.path);
  // Only a refused connection proves that nobody listens: EAGAIN is a living socket with a full backlog.
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0 || errno == EAGAIN)
    return cannot_listen(address, flag, EADDRINUSE);
  if (errno != ECONNREFUSED)
    return refused("cannot tell whether the socket there is dead: " + errno_text(errno));
  if (::unlink(address.path.c_str()) != 0 && errno != ENOENT) return cannot_listen(address, flag, errno);
  return {};
}

/// Binds one TCP address; errno tells why not. [::] takes IPv4 too.
Fd bind_tcp(int family, const sockaddr* address, socklen_t size) {
  Fd fd = make_socket(family);
  if (!fd) return {};
  const int on = 1;
  const int off = 0;
  // SO_REUSEADDR alone lets a restart bind at once; SO_REUSEPORT would let a second daemon bind silently.
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) (void)::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(fd.get(), address, size) != 0 || ::listen(fd.get(), backlog) != 0) {
    const int error = errno;
    fd.reset();
    errno = error;
  }
  return fd;
}

/// Accepted sockets inherit it: a client whose machine is gone is known to be after a minute, though nothing
/// is to be sent to it for days.
void keep_alive(int fd) {
  const int on = 1;
  const int idle_seconds = 30;
  const int interval_seconds = 10;
  const int probes = 3;
  (void)::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_seconds, sizeof interval_seconds);
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

Fd bind_everywhere(std::uint16_t port) {
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  Fd fd = bind_tcp(AF_INET6, reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
  if (fd || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)) return fd;
  sockaddr_in v4{};  // IPv6 is switched off
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  return bind_tcp(AF_INET, reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
}

std::uint16_t bound_port(int fd) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) return 0;
  return ntohs(name.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&name)->sin6_port
                                          : reinterpret_cast<const sockaddr_in*>(&name)->sin_port);
}

}  // namespace

Result<Listener> Listener::open(const ListenAddress& address, const Manners& manners) {
  if (address.socket >= 0) return adopt(address, manners);
  return address.is_unix ? open_unix(address, manners) : open_tcp(address, manners);
}

Result<Listener> Listener::adopt(const ListenAddress& address, const Manners& manners) {
  // A descriptor of our own: the caller's may be closed. That it never blocks holds for whoever shares it.
  Fd fd(::fcntl(address.socket, F_DUPFD_CLOEXEC, 0));
  const int flags = fd ? ::fcntl(fd.get(), F_GETFL) : -1;
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0)
    return Error{Reason::connect,
                 "cannot use the socket that listens at " + address.text() + ": " + errno_text(errno)};
  if (manners.keep_alive && !address.is_unix) keep_alive(fd.get());
  return Listener(std::move(fd), address);
}

Result<Listener> Listener::open_unix(const ListenAddress& address, const Manners& manners) {
  const auto flag = manners.flag;
  const Fd lock = lock_folder_of(address.path);
  if (auto room = make_room(address, flag); !room) return std::move(room).error();
  Listener listener(make_socket(AF_UNIX), address);
  const auto name = unix_name(address.path);
  if (!listener.fd_ || ::bind(listener.fd(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0)
    return cannot_listen(address, flag, errno);
  const Fd place(::open(address.path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat made {};
  if (!place || ::fstat(place.get(), &made) != 0 || !S_ISSOCK(made.st_mode) || made.st_uid != ::geteuid())
    return Error{Reason::connect, "cannot listen at " + address.text() +
                                      ": the new socket was taken away at once: choose a folder that only "
                                      "its user may write to with " +
                                      std::string(flag)};
  listener.device_ = made.st_dev;
  listener.inode_ = made.st_ino;
  // Both before listen(): nobody could connect under the umask's mode, or as the process's group. The group
  // comes first, lest its place be another's for a moment.
  if (auto given = give(place, address, manners); !given) return std::move(given).error();
  if (::listen(listener.fd(), backlog) != 0) return cannot_listen(address, flag, errno);
  return listener;
}

Result<Listener> Listener::open_tcp(const ListenAddress& address, const Manners& manners) {
  Fd fd;
  if (address.host.empty()) {
    fd = bind_everywhere(address.port);
  } else {
    addrinfo hints{};
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int failure =
        ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
    if (failure != 0)
      return Error{Reason::connect, "cannot listen at " + address.text() + ": " + ::gai_strerror(failure) +
                                        ": name an address of this machine with " +
                                        std::string(manners.flag)};
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    // A name that has both gets its IPv4 address, as in Go's net.Listen.
    const addrinfo* chosen = found;
    for (const addrinfo* each = found; each != nullptr; each = each->ai_next)
      if (each->ai_family == AF_INET && chosen->ai_family != AF_INET) chosen = each;
    fd = bind_tcp(chosen->ai_family, chosen->ai_addr, chosen->ai_addrlen);
  }
  if (!fd) return cannot_listen(address, manners.flag, errno);
  if (manners.keep_alive) keep_alive(fd.get());
  ListenAddress bound = address;
  bound.port = bound_port(fd.get());
  return Listener(std::move(fd), std::move(bound));
}

Listener::~Listener() {
  if (!fd_ || !address_.is_unix || address_.socket >= 0) return;
  struct stat found {};
  if (::lstat(address_.path.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_)
    (void)::unlink(address_.path.c_str());
}

Fd Listener::accept() const {
  Fd accepted(::accept4(fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (accepted && !address_.is_unix) {
    const int on = 1;
    (void)::setsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return accepted;
}

}  // namespace repodigest::web
