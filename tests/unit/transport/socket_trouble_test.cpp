// Why a socket could not be opened: the facts as records, so that no test needs to be another user; and once
// for real, where the tests run as root.
#include "transport/socket_trouble.h"

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "calls.h"

namespace repodigest::transport {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// Docker's socket as a package installs it, met by user 1000 with group 1000.
SocketFacts usual_facts() {
  SocketFacts facts;
  facts.path = "/var/run/docker.sock";
  facts.error_number = EACCES;
  facts.steps = {{"/", S_IFDIR | 0755, 0, 0},
                 {"/var", S_IFDIR | 0755, 0, 0},
                 {"/run", S_IFDIR | 0755, 0, 0},
                 {"/run/docker.sock", S_IFSOCK | 0660, 0, 998}};
  facts.user = 1000;
  facts.group = 1000;
  return facts;
}

TEST(SocketTrouble, NamesTheGroupThatIsMissing) {
  const Error error = explain(usual_facts());
  EXPECT_EQ(error.reason, Reason::permission);
  EXPECT_THAT(error.text, StartsWith("cannot open /var/run/docker.sock: permission denied: its group is 998, "
                                     "the process has 1000: add the user to that group"));
  EXPECT_THAT(error.text, AllOf(HasSubstr("group_add"), HasSubstr("SupplementaryGroups")));
}

TEST(SocketTrouble, NamesAllGroupsOfTheProcessOnce) {
  auto facts = usual_facts();
  facts.supplementary_groups = {27, 1000, 100};
  EXPECT_THAT(explain(facts).text, HasSubstr("the process has 1000, 27, 100: "));
}

TEST(SocketTrouble, NamesTheModeWhereTheGroupWouldNotHelp) {
  auto facts = usual_facts();
  facts.steps.back().mode = S_IFSOCK | 0600;
  EXPECT_THAT(explain(facts).text,
              AllOf(HasSubstr("its mode is 0600 and its owner 0, the process is user 1000"),
                    Not(HasSubstr("group_add"))));
  facts.steps.back().mode = S_IFSOCK | 0640;
  facts.supplementary_groups = {998};
  EXPECT_THAT(explain(facts).text, HasSubstr("its mode is 0640"));
}

TEST(SocketTrouble, NamesTheDirectoryThatDenies) {
  auto facts = usual_facts();
  facts.path = "/run/user/1001/docker.sock";
  facts.steps = {{"/", S_IFDIR | 0755, 0, 0}, {"/run/user/1001", S_IFDIR | 0700, 1001, 1001}};
  facts.stopped_at = facts.path;
  facts.stat_error = EACCES;
  const Error error = explain(facts);
  EXPECT_EQ(error.reason, Reason::permission);
  EXPECT_THAT(error.text,
              HasSubstr("the directory /run/user/1001 (mode 0700, owner 1001, group 1001) does not "
                        "let the process (user 1000, groups 1000) pass"));
}

TEST(SocketTrouble, SuspectsASecurityModuleWhereModeAndGroupsAllowIt) {
  auto facts = usual_facts();
  facts.supplementary_groups = {998};
  EXPECT_THAT(explain(facts).text,
              HasSubstr("a security module probably denies it (AppArmor, SELinux or seccomp)"));
  facts.selinux_label = "system_u:object_r:container_var_run_t:s0";
  EXPECT_THAT(explain(facts).text, HasSubstr("a security module probably denies it (SELinux label "
                                             "system_u:object_r:container_var_run_t:s0)"));
}

TEST(SocketTrouble, KnowsThatRootMayDespiteTheMode) {
  auto facts = usual_facts();
  facts.steps.back().mode = S_IFSOCK | 0600;
  facts.steps.back().owner = 1001;
  facts.user = 0;
  facts.overrides_modes = true;
  EXPECT_THAT(explain(facts).text, HasSubstr("a security module"));
  // But not in a user namespace, over files from outside it.
  facts.steps.back().owner = 65534;
  EXPECT_THAT(explain(facts).text, HasSubstr("its mode is 0600"));
  // Nor without the capability, as in a container that dropped it.
  facts.steps.back().owner = 1001;
  facts.overrides_modes = false;
  EXPECT_THAT(explain(facts).text, HasSubstr("its mode is 0600"));
}

TEST(SocketTrouble, GivesTheSystemsWordsForTheRest) {
  auto facts = usual_facts();
  facts.error_number = EPROTOTYPE;
  EXPECT_THAT(explain(facts).text, HasSubstr("a socket of another kind"));
  facts.error_number = EMFILE;
  EXPECT_EQ(explain(facts).text, "cannot open /var/run/docker.sock: too many open files");
  EXPECT_EQ(explain(facts).reason, Reason::connect);
}

TEST(SocketTrouble, IsExplainedWithoutFacts) {
  SocketFacts facts;
  for (const int error_number : {EACCES, EPERM, ENOENT, ECONNREFUSED, ENOTDIR}) {
    facts.error_number = error_number;
    EXPECT_FALSE(explain(facts).text.empty());
  }
}

TEST(SocketTrouble, FollowsLinksToWhatIsReallyMeant) {
  const support::TemporaryFolder folder;
  const auto root = std::filesystem::canonical(folder.path());
  std::filesystem::create_directories(root / "run/inner");
  std::filesystem::create_symlink("run/../run/inner", root / "relative");
  std::filesystem::create_symlink(root / "relative", root / "absolute");
  const auto facts = gather_socket_facts((root / "absolute/docker.sock").string(), ENOENT);
  EXPECT_EQ(std::filesystem::weakly_canonical(facts.stopped_at), root / "run/inner/docker.sock");
  EXPECT_EQ(facts.stat_error, ENOENT);
  EXPECT_EQ(facts.user, ::geteuid());
}

/// The error that a child process gets which is `user` with the groups {group}; root may become anybody.
std::string error_as(uid_t user, gid_t group, const std::string& path) {
  int pipe_ends[2];
  if (::pipe(pipe_ends) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    std::string text = "could not become another user";
    if (::setgroups(0, nullptr) == 0 && ::setgid(group) == 0 && ::setuid(user) == 0) {
      const auto result =
          make_transport(unix_endpoint(path))->call(get(), Cancel().within(std::chrono::seconds(5)));
      text = result.ok() ? "it worked"
                         : std::string(name_of(result.error().reason)) + ": " + result.error().text;
    }
    [[maybe_unused]] const auto written = ::write(pipe_ends[1], text.data(), text.size());
    ::_exit(0);
  }
  ::close(pipe_ends[1]);
  const Fd reading(pipe_ends[0]);
  std::string text(4096, '\0');
  const ssize_t got = ::read(reading.get(), text.data(), text.size());
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  ::waitpid(child, nullptr, 0);
  return text;
}

TEST(SocketTrouble, IsToldToARealUserWithoutTheRight) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  const support::TemporaryFolder folder;
  const std::string path = (folder.path() / "docker.sock").string();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::chown(path.c_str(), 0, 998), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0660), 0);

  EXPECT_THAT(error_as(1000, 1000, path),
              AllOf(StartsWith("permission: "),
                    HasSubstr("the directory " + folder.path().string() + " (mode 0700")));
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  EXPECT_THAT(error_as(1000, 1000, path),
              AllOf(StartsWith("permission: "), HasSubstr("its group is 998, the process has 1000: add")));
}

}  // namespace
}  // namespace repodigest::transport
