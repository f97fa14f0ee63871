// The facade on a unix socket before a recorded engine on another.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "repodigest/facade/facade.h"
#include "support/raw_client.h"
#include "support/recorded_engines.h"
#include "support/recording.h"
#include "support/replay_engine.h"
#include "support/temporary_folder.h"
#include "support/whole_reply.h"

namespace repodigest::facade {

using support::Fault;
using support::RawClient;
using support::RawReply;
using support::Recording;
using support::ReplayEngine;

inline const std::string issue_name = "localhost:5000/namespace1/myimage:1.0.0";
inline const std::string issue_inspect = "/images/" + issue_name + "/json";

using Answer = support::WholeReply;
using support::parsed;

/// The next bytes on `client` up to and with `words`; all there are if they end before.
inline std::string read_until(const RawClient& client, std::string_view words) {
  std::string bytes;
  while (!bytes.ends_with(words)) {
    char byte = 0;
    if (Cancel().within(RawClient::patience).wait(client.fd(), POLLIN)) {
      ADD_FAILURE() << "nothing comes after " << bytes;
      break;
    }
    if (::recv(client.fd(), &byte, 1, 0) != 1) break;
    bytes += byte;
  }
  return bytes;
}

class FacadeTest : public ::testing::Test {
 protected:
  void SetUp() override { replay("27.3.1-containerd"); }

  /// Puts that recording behind the facade.
  void replay(const std::string& recording) {
    auto loaded = Recording::from_folder(support::recorded_folder / recording);
    ASSERT_TRUE(loaded) << loaded.error().text;
    auto engine = ReplayEngine::on_unix_socket(std::move(loaded).value(), engine_socket());
    ASSERT_TRUE(engine) << engine.error().text;
    engine_ = std::move(engine).value();
  }
  void start(Options options = {}) {
    web::ServerOptions serving;
    serving.addresses.push_back({true, facade_socket(), "", 0});
    transport::Endpoint endpoint;
    endpoint.path = engine_socket();
    facade_.emplace(
        std::move(serving), options, [endpoint] { return transport::make_transport(endpoint); }, stats_,
        system_clock());
    const auto started = facade_->start();
    ASSERT_TRUE(started) << started.error().text;
  }
  static Options allowing(Groups groups) {
    Options options;
    options.allow = groups;
    return options;
  }

  [[nodiscard]] RawClient client() const { return RawClient::unix_socket(facade_socket()); }
  /// The request of a client that wants one answer on its connection.
  static std::string request(const std::string& target, const std::string& headers = "",
                             const std::string& method = "GET") {
    return method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers + "\r\n";
  }
  [[nodiscard]] Answer ask(const std::string& target, const std::string& headers = "",
                           const std::string& method = "GET") const {
    return answer_from(client(), request(target, headers, method), method);
  }
  /// The same of the engine itself.
  [[nodiscard]] Answer ask_engine(const std::string& target, const std::string& method = "GET") const {
    return answer_from(RawClient::unix_socket(engine_socket()), request(target, "", method), method);
  }
  /// A client that has asked, and waits.
  [[nodiscard]] RawClient asking(const std::string& target) const {
    RawClient asking = client();
    EXPECT_TRUE(asking.send(request(target)));
    return asking;
  }

  [[nodiscard]] std::uint64_t counted(ApiCall call, int status) const {
    for (std::size_t i = 0; i < api_codes.size(); ++i)
      if (api_codes[i] == status) return stats_.api_requests[index_of(call)][i].value();
    return 0;
  }
  [[nodiscard]] std::uint64_t counted() const {
    std::uint64_t sum = 0;
    for (const auto& codes : stats_.api_requests)
      for (const Counter& counter : codes) sum += counter.value();
    return sum;
  }
  [[nodiscard]] double busy_seconds() const { return stats_.engine_busy[index_of(Caller::facade)].seconds(); }

  [[nodiscard]] std::string engine_socket() const { return (folder_.path() / "engine.sock").string(); }
  [[nodiscard]] std::string facade_socket() const { return (folder_.path() / "docker.sock").string(); }

  support::TemporaryFolder folder_;
  Stats stats_;
  std::unique_ptr<ReplayEngine> engine_;
  std::optional<Facade> facade_;

 private:
  static Answer answer_from(RawClient from, const std::string& asked, const std::string& method) {
    EXPECT_TRUE(from.send(asked));
    return parsed(from.read_to_end(), method == "HEAD");
  }
};

}  // namespace repodigest::facade
