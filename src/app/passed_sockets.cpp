#include "passed_sockets.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

#include "repodigest/base/log.h"
#include "whole_number.h"

namespace repodigest::app {
namespace {

constexpr int first_passed = 3;       // SD_LISTEN_FDS_START
constexpr int most_passed = 1 << 16;  // far beyond what anybody passes, lest the loop take a typing error

/// A variable, which is gone then.
std::optional<std::string> take_variable(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  std::string text = value;
  ::unsetenv(name);
  return text;
}

std::vector<std::string> split_at_colons(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const auto colon = text.find(':');
    parts.emplace_back(text.substr(0, colon));
    if (colon == std::string_view::npos) return parts;
    text.remove_prefix(colon + 1);
  }
}

Error refused(std::string why) {
  return {Reason::connect, "the sockets of the service manager cannot be used: " + std::move(why)};
}

}  // namespace

Result<std::vector<PassedSocket>> take_passed_sockets() {
  const auto pid = take_variable("LISTEN_PID");
  const auto fds = take_variable("LISTEN_FDS");
  const auto fd_names = take_variable("LISTEN_FDNAMES");
  std::vector<PassedSocket> sockets;
  if (!pid || !fds || fds->empty()) return sockets;
  if (whole_number<pid_t>(*pid) != ::getpid()) {
    // Somebody else's, as behind a shell that did not exec: to take them would be theft.
    log::warn("the sockets of the service manager are meant for another process",
              {{"LISTEN_PID", *pid}, {"pid", std::to_string(::getpid())}});
    return sockets;
  }
  const auto count = whole_number<int>(*fds);
  if (!count || *count < 0 || *count > most_passed)
    return refused("LISTEN_FDS is \"" + *fds + "\", which is no number of sockets");
  auto names =
      fd_names ? split_at_colons(*fd_names) : std::vector<std::string>(static_cast<std::size_t>(*count));
  if (names.size() != static_cast<std::size_t>(*count) && *count > 0)
    return refused("LISTEN_FDNAMES has " + std::to_string(names.size()) + " names for " + *fds + " sockets");
  for (int i = 0; i < *count; ++i) {
    if (::fcntl(first_passed + i, F_SETFD, FD_CLOEXEC) != 0)
      return refused("LISTEN_FDS is " + *fds + ", but descriptor " + std::to_string(first_passed + i) +
                     " is not open");
    sockets.push_back({Fd(first_passed + i), std::move(names[static_cast<std::size_t>(i)])});
  }
  return sockets;
}

Result<cli::Config> with_passed_sockets(cli::Config config, const std::vector<PassedSocket>& sockets) {
  if (!config.web_systemd_socket) {
    if (!sockets.empty())
      log::warn("the sockets of the service manager are not used: --web.systemd-socket is not given",
                {{"sockets", std::to_string(sockets.size())}});
    return config;
  }
  config.web_listen_addresses.clear();
  for (const auto& socket : sockets) {
    auto address = web::ListenAddress::of_socket(socket.fd.get());
    if (!address) return refused(address.error().text);
    const bool docker_api = socket.name == docker_api_socket_name;
    if (docker_api && !address->is_unix && !config.docker_api_insecure &&
        config.docker_api_web_config_file.empty())
      return Error{Reason::usage,
                   address->text() + ", passed as " + docker_api_socket_name +
                       ", is TCP without certificates: whoever reaches it reads everything that "
                       "the engine tells; pass a unix socket, give certificates with "
                       "--docker-api.web.config.file, or add --docker-api.insecure if that is "
                       "meant"};
    (docker_api ? config.docker_api_listen_addresses : config.web_listen_addresses)
        .push_back(*std::move(address));
  }
  if (config.web_listen_addresses.empty())
    return refused(
        "--web.systemd-socket is given, but " +
        std::string(sockets.empty()
                        ? "none was passed: start the program from a socket unit, or leave the flag out"
                        : "all that were passed are named docker-api: the web needs one too"));
  if (!config.poll && config.docker_api_listen_addresses.empty())
    return refused(
        "--no-poll leaves nothing to do: pass one named docker-api, add "
        "--docker-api.listen-address, or leave --no-poll out");
  return config;
}

}  // namespace repodigest::app
