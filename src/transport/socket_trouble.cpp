#include "socket_trouble.h"

#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <deque>
#include <string_view>

namespace repodigest::transport {
namespace {

using Step = SocketFacts::Step;

/// The overflow id: what an owner from outside our user namespace looks like (user_namespaces(7)).
/// Capabilities inside do not reach its files.
constexpr uid_t overflow_id = 65534;

void split_in_front(std::string_view path, std::deque<std::string>& names) {
  std::deque<std::string> parts;
  while (!path.empty()) {
    const auto slash = path.find('/');
    const auto name = path.substr(0, slash);
    if (!name.empty() && name != ".") parts.emplace_back(name);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  names.insert(names.begin(), parts.begin(), parts.end());
}

/// Walks to the socket as the kernel does, link by link, and notes what it meets.
void walk(SocketFacts& facts) {
  std::deque<std::string> names;
  split_in_front(facts.path, names);
  std::string here = facts.path.starts_with('/') ? "/" : ".";
  int links_left = 40;  // the kernel's own limit (path_resolution(7))
  struct stat status {};
  if (::lstat(here.c_str(), &status) == 0)
    facts.steps.push_back({here, status.st_mode, status.st_uid, status.st_gid});
  while (!names.empty()) {
    const std::string next = here == "/" ? here + names.front() : here + "/" + names.front();
    if (::lstat(next.c_str(), &status) != 0) {
      facts.stopped_at = next;
      facts.stat_error = errno;
      return;
    }
    names.pop_front();
    if (!S_ISLNK(status.st_mode)) {
      facts.steps.push_back({next, status.st_mode, status.st_uid, status.st_gid});
      here = next;
      continue;
    }
    std::array<char, PATH_MAX> target{};
    const ssize_t length = ::readlink(next.c_str(), target.data(), target.size());
    if (length <= 0 || links_left-- == 0) {
      facts.stopped_at = next;
      facts.stat_error = length < 0 ? errno : ELOOP;
      return;
    }
    if (target.front() == '/') here = "/";
    split_in_front({target.data(), static_cast<std::size_t>(length)}, names);
  }
}

bool has_dac_override() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return false;
  return (data[0].effective & (1U << CAP_DAC_OVERRIDE)) != 0;
}

bool in_group(const SocketFacts& facts, gid_t group) {
  const auto& groups = facts.supplementary_groups;
  return facts.group == group || std::find(groups.begin(), groups.end(), group) != groups.end();
}

/// Whether owner, group and mode let this process do what `bit` says (S_IXOTH: pass, S_IWOTH: write).
bool mode_allows(const SocketFacts& facts, const Step& step, mode_t bit) {
  if (facts.overrides_modes && step.owner != overflow_id) return true;
  if (facts.user == step.owner) return (step.mode & (bit << 6U)) != 0;
  if (in_group(facts, step.group)) return (step.mode & (bit << 3U)) != 0;
  return (step.mode & bit) != 0;
}

std::string octal(mode_t mode) {
  std::array<char, 8> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%04o", static_cast<unsigned>(mode & 07777U));
  return buffer.data();
}

/// The process's groups, the effective one first: "1000, 27".
std::string group_list(const SocketFacts& facts) {
  std::string list = std::to_string(facts.group);
  for (const gid_t group : facts.supplementary_groups)
    if (group != facts.group) list += ", " + std::to_string(group);
  return list;
}

std::string directory_denies(const SocketFacts& facts, const Step& directory) {
  return "the directory " + directory.path + " (mode " + octal(directory.mode) + ", owner " +
         std::to_string(directory.owner) + ", group " + std::to_string(directory.group) +
         ") does not let the process (user " + std::to_string(facts.user) + ", groups " + group_list(facts) +
         ") pass: run it as that owner, or set --docker.host to a socket that it may reach";
}

std::string socket_denies(const SocketFacts& facts, const Step& socket) {
  const bool group_may = (socket.mode & S_IWGRP) != 0;
  if (group_may && !in_group(facts, socket.group))
    return "its group is " + std::to_string(socket.group) + ", the process has " + group_list(facts) +
           ": add the user to that group (in a container: group_add; in a systemd unit: SupplementaryGroups)";
  return "its mode is " + octal(socket.mode) + " and its owner " + std::to_string(socket.owner) +
         ", the process is user " + std::to_string(facts.user) +
         ": run it as that user, or let the socket's group read and write";
}

std::string denied(const SocketFacts& facts) {
  // The way to the socket; the socket itself, if it could be seen, is the last step.
  const bool seen = facts.stat_error == 0 && !facts.steps.empty();
  const auto directories = static_cast<std::ptrdiff_t>(facts.steps.size() - (seen ? 1 : 0));
  const auto closed = std::find_if(facts.steps.begin(), facts.steps.begin() + directories,
                                   [&](const Step& step) { return !mode_allows(facts, step, S_IXOTH); });
  if (closed != facts.steps.begin() + directories) return directory_denies(facts, *closed);
  if (seen && !mode_allows(facts, facts.steps.back(), S_IWOTH))
    return socket_denies(facts, facts.steps.back());
  std::string text = "owner, group and mode allow it, so a security module probably denies it (";
  text +=
      facts.selinux_label.empty() ? "AppArmor, SELinux or seccomp" : "SELinux label " + facts.selinux_label;
  return text + "): look into the audit log";
}

std::string missing(const SocketFacts& facts) {
  // Of a link that leads nowhere, stopped_at is what it leads to.
  const bool itself = facts.stopped_at.empty() || facts.stopped_at == facts.path;
  return (itself ? std::string("it") : facts.stopped_at) +
         " does not exist: is Docker running? If its socket is elsewhere, set --docker.host";
}

std::string refused(const SocketFacts& facts) {
  if (facts.stat_error == 0 && !facts.steps.empty() && !S_ISSOCK(facts.steps.back().mode)) {
    // Docker makes a directory where the source of a bind mount is missing.
    return S_ISDIR(facts.steps.back().mode)
               ? "it is a directory, not a socket: was it mounted into a container before Docker's socket "
                 "existed?"
               : "it is not a socket: set --docker.host to the engine's socket";
  }
  return "nobody listens on it: is Docker running? If it was restarted and the socket is mounted into a "
         "container, mount its directory instead";
}

}  // namespace

SocketFacts gather_socket_facts(const std::string& path, int connect_error) {
  SocketFacts facts;
  facts.path = path;
  facts.error_number = connect_error;
  facts.user = ::geteuid();
  facts.group = ::getegid();
  if (const int count = ::getgroups(0, nullptr); count > 0) {
    facts.supplementary_groups.resize(static_cast<std::size_t>(count));
    const int got = ::getgroups(count, facts.supplementary_groups.data());
    facts.supplementary_groups.resize(static_cast<std::size_t>(std::max(got, 0)));
  }
  facts.overrides_modes = has_dac_override();
  walk(facts);
  if (!facts.steps.empty()) {
    std::array<char, 256> label{};
    const ssize_t length =
        ::getxattr(facts.steps.back().path.c_str(), "security.selinux", label.data(), label.size() - 1);
    if (length > 0) facts.selinux_label = label.data();  // it ends with a NUL of its own, or with ours
  }
  return facts;
}

Error explain(const SocketFacts& facts) {
  const std::string text = "cannot open " + facts.path + ": ";
  switch (facts.error_number) {
    case EACCES:
    case EPERM:
      return {Reason::permission, text + "permission denied: " + denied(facts)};
    case ENOENT:
      return {Reason::connect, text + missing(facts)};
    case ECONNREFUSED:
      return {Reason::connect, text + refused(facts)};
    case ENOTDIR:
      return {Reason::connect,
              text + (facts.steps.empty() ? std::string("a part of it") : facts.steps.back().path) +
                  " is not a directory: set --docker.host to the engine's socket"};
    case EPROTOTYPE:
      return {Reason::connect,
              text + "it is a socket of another kind: set --docker.host to the engine's one"};
    default:
      return {Reason::connect, text + errno_text(facts.error_number)};
  }
}

}  // namespace repodigest::transport
