// A real Docker engine for tests: Debian's dockerd 26.1.5, which has the defect with the containerd store.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/image_archive.h"
#include "repodigest/base/result.h"
#include "support/temporary_folder.h"

namespace repodigest::support {

/// A running dockerd with nothing in it, by dockerd.sh here; ends with its object. Thread rule: one thread.
class Dockerd {
 public:
  enum class Store { containerd, graphdriver };

  /// Downloads it the first time (70 MB), starts it, and returns when it answers. Errors: why it cannot be
  /// had (no root, no network, …).
  static Result<std::unique_ptr<Dockerd>> start(Store store);
  /// The same with a folder that stays, and what an earlier engine left in it. Its path must be short enough
  /// for a unix socket in it.
  static Result<std::unique_ptr<Dockerd>> start_in(const std::filesystem::path& folder, Store store);
  ~Dockerd();
  Dockerd(const Dockerd&) = delete;
  Dockerd& operator=(const Dockerd&) = delete;

  /// As --docker.host takes it.
  [[nodiscard]] std::string host() const { return "unix://" + socket(); }

  /// Stops it; images stay for start_again(), the address too.
  Status stop();
  Status start_again();

  /// Path of Docker's own command line, of the engine's version; downloaded the first time. Errors: why it
  /// cannot be had.
  static Result<std::string> command_line();

  /// The processes whose time is the engine's: dockerd and its containerd.
  [[nodiscard]] std::vector<pid_t> processes() const;

  /// An answer of the engine; status 0 if it gave none.
  struct Answer {
    int status = 0;
    std::string body;
  };
  [[nodiscard]] Answer call(const std::string& method, const std::string& target,
                            const std::string& body = "",
                            const std::string& content_type = "application/json") const;

  /// Has the engine build `FROM scratch` + `LABEL <label>` under these names, in one call of its classic
  /// builder.
  Status build(const std::string& label, const std::vector<std::string>& names) const;
  /// Has the engine load an archive of these images.
  Status load(const std::vector<ArchivedImage>& images) const;

 private:
  explicit Dockerd(Store store) : store_(store) {}
  [[nodiscard]] std::string socket() const { return (folder_ / "docker.sock").string(); }

  std::optional<TemporaryFolder> own_folder_;
  std::filesystem::path folder_;
  Store store_;
};

/// The four names of the image in moby issue 48747: one image, two repositories.
inline const std::vector<std::string> issue_names = {
    "localhost:5000/namespace1/myimage:latest", "localhost:5000/namespace1/myimage:1.0.0",
    "localhost:5000/namespace2/myimage:latest", "localhost:5000/namespace2/myimage:1.0.0"};

/// A test on a real engine; skipped with the reason where none can be had.
class OnAnyDockerd : public testing::Test {
 protected:
  void start_engine(Dockerd::Store store) {
    auto started = Dockerd::start(store);
    if (!started) GTEST_SKIP() << "no real Docker engine, so nothing was tested: " << started.error().text;
    engine_ = std::move(started).value();
  }

  std::unique_ptr<Dockerd> engine_;
};

template <Dockerd::Store store>
class OnDockerd : public OnAnyDockerd {
 protected:
  void SetUp() override { start_engine(store); }
};

}  // namespace repodigest::support
