// Many modelled engines on sockets of their own, served by one thread: Docker's API as far as an exporter
// asks for it.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "model/image_store.h"
#include "repodigest/base/cancel.h"
#include "repodigest/base/fd.h"
#include "repodigest/base/mutex.h"
#include "repodigest/engine/types.h"
#include "support/temporary_folder.h"

namespace repodigest::stack {

/// One of them.
struct ServedEngine {
  std::string id;
  model::ImageStore store;
  std::vector<engine::Container> containers;
};

/// Serves from its construction to its destruction. Thread rule: any thread, but the constructor and
/// destructor. Throws std::runtime_error if it cannot listen.
class ModelServer {
 public:
  explicit ModelServer(std::vector<ServedEngine> engines);
  ~ModelServer();
  ModelServer(const ModelServer&) = delete;
  ModelServer& operator=(const ModelServer&) = delete;

  /// As --docker.host takes it.
  [[nodiscard]] std::string host(std::size_t engine) const;
  [[nodiscard]] std::size_t size() const { return count_; }

  /// The engine ends: its connections break in the middle of whatever they are at, and nobody listens.
  void stop(std::size_t engine);
  /// It is there again, as another version with the same data.
  void start(std::size_t engine, const std::string& version);
  /// From now on inspects get no answer, but for the first `but`.
  void hold_inspects(std::size_t engine, std::size_t but);
  /// What was held is answered, and inspects are again as ever.
  void let_inspects_go(std::size_t engine);

  /// Reads or changes an engine between two requests.
  void with(std::size_t engine, const std::function<void(ServedEngine&)>& what);

 private:
  struct Connection {
    Fd socket;
    std::string received;
    std::string held;  ///< the answer of an inspect that has to wait, or ""
  };
  struct Host {
    explicit Host(ServedEngine all) : engine(std::move(all)) {}
    ServedEngine engine;
    Fd listener;
    std::list<Connection> connections;
    bool holds = false;
    std::size_t unheld = 0;
  };

  [[nodiscard]] std::string path(std::size_t engine) const;
  void listen(std::size_t engine) REQUIRES(mutex_);
  void run();
  /// What happened at the descriptors of one engine.
  static void serve(Host& host, const std::set<int>& readable);
  /// False at its end.
  static bool read(Host& host, Connection& connection);
  static void answer(Host& host, Connection& connection, const std::string& target);

  support::TemporaryFolder folder_;
  const std::size_t count_;
  Mutex mutex_;
  std::vector<Host> hosts_ GUARDED_BY(mutex_);
  const Wake changed_;  // the thread is to wait for other descriptors, or to end
  bool ended_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace repodigest::stack
