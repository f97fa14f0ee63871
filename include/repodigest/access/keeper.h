// A web config file as it stands now: read anew when it or a file that it names has changed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "repodigest/access/throttle.h"
#include "repodigest/access/tls_context.h"
#include "repodigest/access/users.h"
#include "repodigest/base/clock.h"
#include "repodigest/base/mutex.h"
#include "repodigest/base/result.h"

namespace repodigest::access {

/// What holds for a request, made of one state of the file. Immutable but for what it remembers; any thread.
struct Policy {
  std::optional<TlsContext> tls;  ///< nothing: plain HTTP
  bool verifies_clients = false;  ///< only who has a certificate of the given authority can get in
  std::vector<std::pair<std::string, std::string>> headers;  ///< for every answer that has none of that name
  Users users;
  std::unique_ptr<Throttle> throttle;  ///< null: no limit

  /// Whether strangers cannot read along and ask: TLS, or users.
  [[nodiscard]] bool guards() const { return tls.has_value() || !users.empty(); }
};

/// Owns the path of a file and what was made of it last. Any thread.
class Keeper {
 public:
  /// Called on the thread that found out that a file has changed, one at a time; they must not call back.
  struct Listener {
    /// Whether a policy may be applied; its Error is a failure like that of a broken file.
    std::function<Status(const Policy&)> allow;
    /// Told of each policy that is applied, the first one too; `notes` are WebConfig::notes.
    std::function<void(const Policy&, const std::vector<std::string>& notes)> applied;
    /// Told why the old one stays, of what current() found out.
    std::function<void(const Error&)> failed;
  };

  /// Reads the file. Errors: Reason::usage with file, line and column, or for a file that cannot be read;
  /// those of TlsContext::make(), with the file; those of Listener::allow.
  static Result<std::unique_ptr<Keeper>> open(std::string path, Listener listener);
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  /// What holds now. Looks at the files' times first (microseconds), and reads those that changed; a broken
  /// one changes nothing. On a file system that hangs, it hangs.
  std::shared_ptr<const Policy> current() EXCLUDES(mutex_);
  /// Reads them in any case. Errors: as open(); then the old policy stays.
  Status reload() EXCLUDES(mutex_);
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  /// What tells a file from what it was, as far as stat(2) can.
  struct Stamp {
    std::uint64_t device = 0, inode = 0;
    std::int64_t size = -1, modified = 0, changed = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  struct Watched {
    std::string path;
    Stamp stamp;
  };

  Keeper(std::string path, Listener listener) : path_(std::move(path)), listener_(std::move(listener)) {}
  static Stamp stamp_of(const std::string& path);
  [[nodiscard]] bool changed() const REQUIRES(mutex_);
  Status read() REQUIRES(mutex_);
  Status read_now() REQUIRES(mutex_);

  const std::string path_;
  const Listener listener_;
  Mutex mutex_;
  std::shared_ptr<const Policy> policy_ GUARDED_BY(mutex_);
  std::vector<Watched> watched_ GUARDED_BY(mutex_);
  /// When to read again although nothing changed: the last time it was the system that failed, not the files.
  std::optional<SteadyTime> retry_at_ GUARDED_BY(mutex_);
};

/// Whether a file is good, the certificates that it names included. Errors: as Keeper::open().
Status check_web_config(
    const std::string& path,
    std::function<Status(const Policy&)> allow = [](const Policy&) { return Status(); });

}  // namespace repodigest::access
