// A real VictoriaMetrics and its vmalert, for the tests that are asked by them and ask them.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "prometheus.h"
#include "repodigest/base/fd.h"

namespace repodigest::stack {

/// A port of 127.0.0.1 that was free a moment ago: for programs that do not tell what port 0 became.
inline std::uint16_t free_port() {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) return 0;
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

/// With a database of its own, that shows what it gets at once.
class VictoriaMetrics : public QueryApi {
 public:
  /// Scrapes what a Prometheus config says, if there is one; the other sections of that are passed over.
  explicit VictoriaMetrics(const std::filesystem::path& config = {})
      : QueryApi(free_port()), process_([&] {
          std::vector<std::string> command = {"victoria-metrics",
                                              "-httpListenAddr=127.0.0.1:" + std::to_string(port()),
                                              "-storageDataPath=" + (folder_.path() / "data").string(),
                                              "-search.latencyOffset=0s",
                                              "-search.disableCache",
                                              "-memory.allowedBytes=512MB"};
          if (!config.empty()) {
            command.push_back("-promscrape.config=" + config.string());
            command.emplace_back("-promscrape.config.strictParse=false");
          }
          return command;
        }()) {
    support::eventually([this] { return body("/health") == "OK"; });
  }
  static bool is_here() { return support::succeeds("victoria-metrics -version"); }
  [[nodiscard]] std::string log() const { return process_.errors(); }
  [[nodiscard]] pid_t pid() const { return process_.pid(); }

 private:
  support::TemporaryFolder folder_;
  support::Process process_;
};

/// Evaluates rule files each second, with a VictoriaMetrics that it asks and writes to. It tells nobody of
/// alerts.
class Vmalert {
 public:
  Vmalert(const VictoriaMetrics& database, const std::vector<std::filesystem::path>& rules)
      : process_([&] {
          std::vector<std::string> command = {"vmalert",
                                              "-datasource.url=" + database.url(),
                                              "-remoteWrite.url=" + database.url(),
                                              "-remoteRead.url=" + database.url(),
                                              "-notifier.url=http://127.0.0.1:1",
                                              "-remoteWrite.flushInterval=100ms",
                                              "-evaluationInterval=1s",
                                              "-httpListenAddr=127.0.0.1:" + std::to_string(free_port())};
          for (const auto& file : rules) command.push_back("-rule=" + file.string());
          return command;
        }()) {}
  static bool is_here() { return support::succeeds("vmalert -version"); }
  [[nodiscard]] std::string log() const { return process_.errors(); }

 private:
  support::Process process_;
};

}  // namespace repodigest::stack
