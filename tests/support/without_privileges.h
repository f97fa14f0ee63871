// What root may do shows nothing about permissions: a test does it as somebody else.
#pragma once

#include <unistd.h>

#include <cstdlib>

namespace repodigest::support {

/// As long as it lives the process has no right to files of others, if it was root; whoever else runs the
/// tests stays who they are. Thread rule: while no other thread runs.
class WithoutPrivileges {
 public:
  WithoutPrivileges() {
    if (::geteuid() == 0 && ::seteuid(nobody) != 0) std::abort();
  }
  ~WithoutPrivileges() {
    if (::seteuid(before_) != 0) std::abort();
  }
  WithoutPrivileges(const WithoutPrivileges&) = delete;
  WithoutPrivileges& operator=(const WithoutPrivileges&) = delete;

 private:
  static constexpr uid_t nobody = 65534;
  const uid_t before_ = ::geteuid();
};

}  // namespace repodigest::support
