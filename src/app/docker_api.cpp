#include "docker_api.h"

#include <grp.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "repodigest/base/secret.h"

namespace repodigest::app {
namespace {

/// The group of that name or number; nothing for "".
Result<std::optional<gid_t>> find_group(const std::string& text) {
  if (text.empty()) return std::optional<gid_t>();
  gid_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  constexpr auto nobody = static_cast<gid_t>(-1);  // to chown(2) it means: leave the group as it is
  if (failure == std::errc() && end == text.data() + text.size() && number != nobody)
    return std::optional(number);

  std::vector<char> buffer(1024);
  group entry{};
  group* found = nullptr;
  int error = 0;
  // A group may have any number of members.
  while ((error = ::getgrnam_r(text.c_str(), &entry, buffer.data(), buffer.size(), &found)) == ERANGE)
    buffer.resize(buffer.size() * 2);
  if (found != nullptr) return std::optional(found->gr_gid);
  const std::string why = error == 0 ? "there is no such group" : errno_text(error);
  return Error{Reason::usage, "--docker-api.socket-group: \"" + without_password(text) + "\": " + why +
                                  "; name one of this machine, or give its number"};
}

/// Whether an engine's address leads back to this one: DOCKER_HOST is set for the clients and for us, in
/// effect.
bool is_same_place(const web::ListenAddress& address, const std::string& engine) {
  if ((address.is_unix ? "" : "tcp://") + address.text() == engine) return true;
  constexpr std::string_view scheme = "unix://";
  std::error_code ignored;
  return address.is_unix && engine.starts_with(scheme) &&
         std::filesystem::equivalent(address.path, engine.substr(scheme.size()), ignored);
}

}  // namespace

Result<std::unique_ptr<facade::Facade>> make_docker_api(const cli::Config& config, const EngineAccess& access,
                                                        access::Keeper* keeper, Stats& stats,
                                                        const Clock& clock) {
  if (config.docker_api_listen_addresses.empty()) return std::unique_ptr<facade::Facade>();
  auto group = find_group(config.docker_api_socket_group);
  if (!group.ok()) return group.error();
  for (const auto& address : config.docker_api_listen_addresses)
    if (is_same_place(address, access.endpoint()))
      return Error{Reason::usage,
                   "--docker-api.listen-address: " + address.text() +
                       " is where the engine is said to be, too: the program would ask itself; "
                       "name the engine's own address with --docker.host"};
  web::ServerOptions serving;
  serving.addresses = config.docker_api_listen_addresses;
  serving.keeper = keeper;
  serving.socket_mode = config.docker_api_socket_mode;
  serving.socket_group = *group;
  facade::Options options;
  options.correct = config.docker_api_correct;
  options.allow = config.docker_api_allow;
  options.timeout = config.docker_timeout;
  options.list_timeout = config.docker_list_timeout;
  options.max_list_bytes = config.docker_max_response_bytes;
  return std::make_unique<facade::Facade>(std::move(serving), options, access.connector(), stats, clock);
}

}  // namespace repodigest::app
