#include "deliver.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "repodigest/base/fd.h"
#include "support/program.h"

namespace repodigest::app {
namespace {

namespace fs = std::filesystem;

TEST(DeliverTest, WritesTheWholeFileWithMode0644AndLeavesNothingElse) {
  const support::TemporaryFolder folder;
  const fs::path file = folder.path() / "docker.prom";
  ASSERT_TRUE(write_file(file, "docker_up 1\n").ok());
  EXPECT_EQ(support::read_file(file), "docker_up 1\n");
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0644U);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(DeliverTest, WritesIntoWhatIsNoRegularFileAndLeavesItThere) {
  const support::TemporaryFolder folder;
  const fs::path pipe = folder.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const Fd reader(::open(pipe.c_str(), O_RDWR | O_CLOEXEC));
  fs::create_symlink(pipe, folder.path() / "link");
  ASSERT_TRUE(write_file(folder.path() / "link", "report").ok());
  std::string got(6, ' ');
  EXPECT_EQ(::read(reader.get(), got.data(), got.size()), 6);
  EXPECT_EQ(got, "report");
  EXPECT_TRUE(fs::is_symlink(folder.path() / "link"));
  EXPECT_TRUE(fs::is_fifo(pipe));
}

TEST(DeliverTest, SaysWhichFileCannotBeWrittenAndWhyAndKeepsTheOldOne) {
  const support::TemporaryFolder folder;
  const auto missing = write_file(folder.path() / "no" / "such" / "file", "x");
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().text.find("no/such/file"), std::string::npos) << missing.error().text;
  EXPECT_NE(missing.error().text.find("no such file or directory"), std::string::npos)
      << missing.error().text;
  fs::create_directory(folder.path() / "folder");
  EXPECT_FALSE(write_file(folder.path() / "folder", "x").ok());
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1)
      << "a temporary file is left behind";
}

}  // namespace
}  // namespace repodigest::app
