#include "repodigest/base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "repodigest/base/fd.h"
#include "support/temporary_folder.h"
#include "support/without_privileges.h"

namespace repodigest {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t plenty = 1 << 20;

class FileTest : public testing::Test {
 protected:
  void TearDown() override { fs::permissions(folder_.path(), fs::perms::owner_all); }  // so that it can go

  std::string content() const { return read_regular_file(path_, plenty).value(); }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
  }

  const support::TemporaryFolder folder_;
  const std::string path_ = folder_.path() / "file";
};

TEST(WriteAllTest, WaitsForAReaderWhereAnotherProcessMadeTheDescriptorNonBlocking) {
  // As a shared terminal or pipe can be: its flags are those of all who have it.
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Fd out(ends[0]);
  Fd in(ends[1]);
  ASSERT_EQ(::fcntl(in.get(), F_SETFL, O_NONBLOCK), 0);
  const std::string text(plenty, 'x');
  std::string received;
  std::thread reader([&] {
    ::poll(nullptr, 0, 50);  // the pipe is full by then
    std::array<char, 4096> buffer{};
    for (ssize_t count = 0; (count = ::read(out.get(), buffer.data(), buffer.size())) > 0;)
      received.append(buffer.data(), static_cast<std::size_t>(count));
  });
  EXPECT_EQ(write_all(in.get(), text), 0);
  in.reset();
  reader.join();
  EXPECT_TRUE(received == text) << received.size();
}

TEST_F(FileTest, WritesTheWholeFileWithItsModeWhateverTheUmaskAndLeavesNothingElse) {
  const mode_t old = ::umask(077);
  const Status written = replace_file(path_, "one\n", 0644);
  ::umask(old);
  ASSERT_TRUE(written.ok()) << written.error().text;
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0644U);
  EXPECT_EQ(content(), "one\n");
  EXPECT_EQ(files(), 1U);
}

TEST_F(FileTest, StaysAsItWasUntilTheNewOneIsPutInPlace) {
  ASSERT_TRUE(replace_file(path_, "old", 0600).ok());
  {
    auto file = NewFile::beside(path_);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->write("new").ok());
    EXPECT_EQ(content(), "old");
  }
  EXPECT_EQ(content(), "old");
  EXPECT_EQ(files(), 1U) << "the temporary file of a write that was given up is left behind";

  auto file = NewFile::beside(path_);
  ASSERT_TRUE(file->write("new ").ok());
  ASSERT_TRUE(file->write("whole").ok());
  ASSERT_TRUE(file->put_in_place(0600).ok());
  EXPECT_EQ(content(), "new whole");
  EXPECT_EQ(files(), 1U);
}

TEST_F(FileTest, ReplacesASymlinkInsteadOfFollowingIt) {
  const std::string victim = folder_.path() / "victim";
  ASSERT_TRUE(replace_file(victim, "precious", 0600).ok());
  fs::create_symlink(victim, path_);
  ASSERT_TRUE(replace_file(path_, "mine", 0600).ok());
  EXPECT_EQ(read_regular_file(victim, plenty).value(), "precious");
  EXPECT_FALSE(fs::is_symlink(path_));
  EXPECT_EQ(content(), "mine");
}

TEST_F(FileTest, IsNeverPutInThePlaceOfADeviceOrAFolder) {
  fs::create_symlink("/dev/null", path_);
  const Status device = replace_file(path_, "x", 0600);
  ASSERT_FALSE(device.ok());
  EXPECT_EQ(device.error().text, "cannot write " + path_ + ": it is not a regular file: choose another path");
  EXPECT_TRUE(fs::is_symlink(path_));
  EXPECT_FALSE(replace_file(folder_.path(), "x", 0600).ok());
  EXPECT_EQ(files(), 1U);
}

TEST_F(FileTest, IsWrittenInTheWorkingFolderByABareName) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_.path());
  const Status written = replace_file("file", "here", 0600);
  fs::current_path(before);
  ASSERT_TRUE(written.ok()) << written.error().text;
  EXPECT_EQ(content(), "here");
}

TEST_F(FileTest, SaysThatItsFolderIsMissing) {
  const auto missing = replace_file(folder_.path() / "no" / "file", "x", 0600);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().text, "cannot write " + (folder_.path() / "no" / "file").string() +
                                      ": no such file or directory: make its folder first");
}

TEST_F(FileTest, SaysWhoMayNotWriteItsFolder) {
  fs::permissions(folder_.path(), fs::perms::others_exec | fs::perms::owner_exec);
  const support::WithoutPrivileges somebody;
  const auto refused = replace_file(path_, "x", 0600);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().reason, Reason::permission);
  EXPECT_EQ(refused.error().text, "cannot write " + path_ +
                                      ": permission denied: it and its folder must be writable for user " +
                                      std::to_string(::geteuid()));
}

TEST_F(FileTest, KeepsTheOldOneWhenTheNewOneDoesNotFit) {
  ASSERT_TRUE(replace_file(path_, "old", 0600).ok());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status written = replace_file(path_, std::string(2000, 'x'), 0600);
  ::setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().text, "cannot write " + path_ + ": file too large");
  EXPECT_EQ(content(), "old");
  EXPECT_EQ(files(), 1U);
}

TEST_F(FileTest, IsReadUpToItsCapAndNotAByteFurther) {
  for (const std::size_t size : {0U, 1U, 4095U, 4096U, 4097U, 10'000U}) {
    const std::string text(size, 'x');
    ASSERT_TRUE(replace_file(path_, text, 0600).ok());
    EXPECT_EQ(read_regular_file(path_, size).value(), text);
    if (size == 0) continue;
    const auto cut = read_regular_file(path_, size - 1);
    ASSERT_FALSE(cut.ok()) << size;
    EXPECT_EQ(cut.error().reason, Reason::too_large);
    EXPECT_EQ(cut.error().text, path_ + " is larger than " + std::to_string(size - 1) + " bytes");
  }
}

TEST_F(FileTest, IsReadToItsEndAlsoIfItAnnouncesNoSize) {
  std::ifstream in("/proc/self/mounts");
  const std::string expected{std::istreambuf_iterator<char>(in), {}};
  EXPECT_EQ(read_regular_file("/proc/self/mounts", plenty).value(), expected);
  EXPECT_EQ(read_regular_file("/proc/self/mounts", 10).error().reason, Reason::too_large);
}

TEST_F(FileTest, IsReadByASymlink) {
  ASSERT_TRUE(replace_file(folder_.path() / "real", "text", 0600).ok());
  fs::create_symlink("real", path_);
  EXPECT_EQ(content(), "text");
}

TEST_F(FileTest, IsNotReadWhereItIsAPipeAFolderOrADevice) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  for (const std::string& path : {path_, folder_.path().string(), std::string("/dev/zero")}) {
    const auto read = read_regular_file(path, plenty);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().reason, Reason::usage);
    EXPECT_EQ(read.error().text, path + " is not a regular file");
  }
}

TEST_F(FileTest, SaysWhyItCannotBeRead) {
  const auto missing = read_regular_file(path_, plenty);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().reason, Reason::not_found);
  EXPECT_EQ(missing.error().text, "cannot read " + path_ + ": no such file or directory");
  ASSERT_TRUE(replace_file(path_, "x", 0).ok());
  fs::permissions(folder_.path(), fs::perms::others_exec | fs::perms::owner_exec);
  const support::WithoutPrivileges somebody;
  const auto refused = read_regular_file(path_, plenty);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().reason, Reason::permission);
  EXPECT_EQ(refused.error().text, "cannot read " + path_ + ": permission denied");
}

}  // namespace
}  // namespace repodigest
