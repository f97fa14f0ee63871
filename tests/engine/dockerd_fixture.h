// A real Docker engine for tests: Debian's dockerd 26.1.5, which has the defect with the containerd store.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "repodigest/base/result.h"
#include "support/temporary_folder.h"

namespace repodigest::support {

/// A running dockerd with nothing in it, by dockerd.sh here; ends with its object. Thread rule: one thread.
class Dockerd {
 public:
  enum class Store { containerd, graphdriver };

  /// Downloads it the first time (60 MB), starts it, and returns when it answers. Errors: why it cannot be
  /// had (no root, no network, …).
  static Result<std::unique_ptr<Dockerd>> start(Store store);
  ~Dockerd();
  Dockerd(const Dockerd&) = delete;
  Dockerd& operator=(const Dockerd&) = delete;

  /// As --docker.host takes it.
  [[nodiscard]] std::string host() const { return "unix://" + socket(); }

  /// Stops it; images stay for start_again(), the address too.
  Status stop();
  Status start_again();

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

 private:
  explicit Dockerd(Store store) : store_(store) {}
  [[nodiscard]] std::string socket() const { return (folder_.path() / "docker.sock").string(); }

  support::TemporaryFolder folder_;
  Store store_;
};

/// The four names of the image in moby issue 48747: one image, two repositories.
inline const std::vector<std::string> issue_names = {
    "localhost:5000/namespace1/myimage:latest", "localhost:5000/namespace1/myimage:1.0.0",
    "localhost:5000/namespace2/myimage:latest", "localhost:5000/namespace2/myimage:1.0.0"};

/// A test on a real engine; skipped with the reason where none can be had.
template <Dockerd::Store store>
class OnDockerd : public testing::Test {
 protected:
  void SetUp() override {
    auto started = Dockerd::start(store);
    if (!started) GTEST_SKIP() << "no real Docker engine, so nothing was tested: " << started.error().text;
    engine_ = std::move(started).value();
  }

  std::unique_ptr<Dockerd> engine_;
};

}  // namespace repodigest::support
