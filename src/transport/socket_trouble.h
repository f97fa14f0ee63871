// Why a unix socket could not be opened, and what to do about it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "repodigest/base/result.h"

namespace repodigest::transport {

/// What is known of a socket that connect(2) failed on: a plain record, so that explain() can be tested
/// without being another user.
struct SocketFacts {
  /// A file or directory on the way to the socket, links resolved.
  struct Step {
    std::string path;
    mode_t mode = 0;
    uid_t owner = 0;
    gid_t group = 0;
  };

  std::string path;         ///< as configured
  int error_number = 0;     ///< of connect(2)
  std::vector<Step> steps;  ///< from "/" (or ".") on, as far as stat(2) got
  std::string stopped_at;   ///< the first one that stat(2) could not see, with
  int stat_error = 0;       ///< its errno; 0 if all could be seen
  uid_t user = 0;           ///< effective ids of this process
  gid_t group = 0;
  std::vector<gid_t> supplementary_groups;
  bool overrides_modes = false;  ///< it has CAP_DAC_OVERRIDE
  std::string selinux_label;     ///< of the last step; often ""
};

/// Looks at the file system and at this process.
SocketFacts gather_socket_facts(const std::string& path, int connect_error);

/// One whole sentence. Reason::permission for EACCES and EPERM, else Reason::connect. Pure.
Error explain(const SocketFacts& facts);

}  // namespace repodigest::transport
