// Between the thread that makes an answer and the lobby that sends it: a bounded buffer of framed bytes, and
// how the answer stands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "reply_head.h"
#include "repodigest/base/cancel.h"
#include "repodigest/base/mutex.h"
#include "repodigest/base/result.h"
#include "repodigest/web/message.h"
#include "repodigest/web/passage.h"

namespace repodigest::web {

struct Guest;

/// How an answer stands.
enum class Standing {
  open,    ///< more may come
  whole,   ///< nothing is left to be sent
  broken,  ///< no more comes, and what came is only a part
};

/// Thread rule: the first part of the functions on the answering thread, the second on the lobby's.
class Channel : public std::enable_shared_from_this<Channel> {
 public:
  /// Tells the lobby that there is something to take().
  using News = std::function<void(std::shared_ptr<Channel>)>;

  /// So much may lie unsent, here and with the connection.
  static constexpr std::size_t max_unsent = 256U << 10U;

  /// `news` outlives it. Throws std::system_error if the process has no descriptor left.
  Channel(Guest* guest, Manner manner, const News& news) : guest_(guest), manner_(manner), news_(news) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // What Flow says. write() throws std::system_error if it must wait and there is no descriptor left for it.
  Status begin(int status, const Headers& headers, std::optional<std::uint64_t> length);
  Status write(std::string_view piece, const Cancel& cancel);
  void end();
  /// The thread leaves: what was not ended is broken off.
  void leave();
  [[nodiscard]] bool begun();
  [[nodiscard]] const Wake& gone() const { return gone_; }

  struct Portion {
    Bytes bytes;  ///< null if there are none for now
    Standing standing = Standing::open;
    bool begun = false;
    bool keep_alive = false;   ///< after this answer
    bool needs_reset = false;  ///< if it is broken: only that tells it from a whole one
  };
  /// The bytes to send next, after those before; or how it stands without them. If it is open, there will be
  /// News.
  Portion take();
  /// How much of the last portion is left to be sent.
  void unsent(std::size_t left);
  /// The client is gone, or the lobby gives up.
  void abandon();
  [[nodiscard]] bool is_head() const { return manner_.is_head; }
  /// After the whole answer was sent.
  void forget_guest() { guest_ = nullptr; }
  /// Whose answer it is.
  [[nodiscard]] Guest* guest() const { return guest_; }

 private:
  /// How the client finds the body's end.
  enum class Framing { none, length, chunked, until_close };

  void append(std::string_view piece) REQUIRES(mutex_);
  /// Returns whether the lobby waited.
  [[nodiscard]] bool finish(Standing standing) REQUIRES(mutex_);
  void give_room() REQUIRES(mutex_);
  [[nodiscard]] std::size_t all_unsent() const REQUIRES(mutex_) { return pending_.size() + in_flight_; }
  /// To be called without the mutex, if the lobby waited.
  void tell(bool lobby_waited);

  Guest* guest_;  ///< the lobby's; null when it has no more to do with it
  const Manner manner_;
  const News& news_;
  const Wake gone_;

  Mutex mutex_;
  std::string pending_ GUARDED_BY(mutex_);             ///< framed
  std::size_t in_flight_ GUARDED_BY(mutex_) = 0;       ///< taken by the lobby and not sent yet
  std::optional<Framing> framing_ GUARDED_BY(mutex_);  ///< once begun
  std::uint64_t length_left_ GUARDED_BY(mutex_) = 0;
  Standing standing_ GUARDED_BY(mutex_) = Standing::open;
  bool keep_alive_ GUARDED_BY(mutex_) = false;
  bool lobby_waits_ GUARDED_BY(mutex_) = true;
  bool abandoned_ GUARDED_BY(mutex_) = false;
  bool writer_waits_ GUARDED_BY(mutex_) = false;
  std::optional<Wake> room_ GUARDED_BY(mutex_);  ///< made when a writer waits for the first time
};

}  // namespace repodigest::web
