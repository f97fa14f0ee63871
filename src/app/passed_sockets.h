// Sockets that a service manager opened for us (systemd's socket activation, sd_listen_fds(3)).
#pragma once

#include <string>
#include <vector>

#include "repodigest/base/fd.h"
#include "repodigest/base/result.h"
#include "repodigest/cli/config.h"

namespace repodigest::app {

/// FileDescriptorName= of the sockets that the corrected Docker API gets; all others are the web's.
inline constexpr const char* docker_api_socket_name = "docker-api";

struct PassedSocket {
  Fd fd;
  std::string name;  ///< FileDescriptorName=, by default the name of the socket unit; "" if none was given
};

/// Takes what LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES speak of, if they speak of this process, and takes
/// the variables out of the environment: neither descriptors nor variables reach a child. No sockets where
/// there are no variables. Errors: usage. Thread rule: once, before there are threads (unsetenv(3)).
Result<std::vector<PassedSocket>> take_passed_sockets();

/// `config` with the sockets in its listen addresses, for --web.systemd-socket: the web listens at them and
/// nowhere else, the corrected Docker API at those of its name too. Without the flag `config` is unchanged.
/// The sockets stay the caller's, who keeps them open until the servers have started. Errors: usage (none for
/// the web; a socket that cannot be listened at; the corrected Docker API on TCP without
/// --docker-api.insecure; nothing to do with --no-poll).
Result<cli::Config> with_passed_sockets(cli::Config config, const std::vector<PassedSocket>& sockets);

}  // namespace repodigest::app
