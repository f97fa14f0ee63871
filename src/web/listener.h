// A bound, listening socket.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

#include "repodigest/base/fd.h"
#include "repodigest/base/result.h"
#include "repodigest/web/server.h"

namespace repodigest::web {

/// Owns a listening socket and, for a unix socket that it opened itself, its place in the file system: it is
/// removed at the end if it is still this one. Thread rule: one owner at a time.
class Listener {
 public:
  /// What a listener needs to know besides its address.
  struct Manners {
    std::string_view flag;                   ///< named in error texts
    unsigned socket_mode = 0660;             ///< of a unix socket
    std::optional<gid_t> socket_group = {};  ///< of a unix socket
    bool keep_alive = false;                 ///< whether TCP finds out that a client's machine is gone
  };

  /// Binds and listens. Errors: connect, permission, usage.
  static Result<Listener> open(const ListenAddress& address, const Manners& manners);
  Listener(Listener&& other) noexcept = default;
  Listener& operator=(Listener&&) = delete;
  ~Listener();

  /// The next connection (non-blocking, close-on-exec, without Nagle's delay), or an invalid Fd with errno
  /// set: EAGAIN if there is none.
  [[nodiscard]] Fd accept() const;

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// With the port that was really bound.
  [[nodiscard]] const ListenAddress& address() const { return address_; }

 private:
  Listener(Fd fd, ListenAddress address) : fd_(std::move(fd)), address_(std::move(address)) {}

  static Result<Listener> adopt(const ListenAddress& address, const Manners& manners);
  static Result<Listener> open_unix(const ListenAddress& address, const Manners& manners);
  static Result<Listener> open_tcp(const ListenAddress& address, const Manners& manners);

  Fd fd_;
  ListenAddress address_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace repodigest::web
