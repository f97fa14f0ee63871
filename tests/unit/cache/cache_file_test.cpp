#include "repodigest/cache/cache_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "format.h"
#include "repodigest/base/file.h"
#include "repodigest/base/sha256.h"
#include "support/temporary_folder.h"
#include "support/without_privileges.h"

namespace repodigest::cache {
namespace {

namespace fs = std::filesystem;
using engine::Identity;
using engine::ImageStore;
using inventory::Remembered;
using testing::HasSubstr;
using testing::IsEmpty;

using Images = std::vector<Remembered>;

constexpr std::size_t magic_bytes = 8;
constexpr std::size_t sum_bytes = 32;

Identity an_engine() {
  Identity engine;
  engine.id = "b7dd8a2e-5f0c-4b6e-8a5e-a0e5f3a1a1a1";
  engine.version = "27.3.1";
  engine.image_store = ImageStore::containerd;
  return engine;
}

Images some_images() {
  return {{"sha256:aa", {"app:1", "app:2"}, {"app@sha256:aa"}, {"app@sha256:aa", "app@sha256:aa"}},
          {"sha256:bb", {"größe:最新"}, {}, {"größe@sha256:bb"}},
          {"sha256:cc", {}, {}, {}}};
}

/// A number as a file has it.
std::string number(std::uint32_t value) {
  std::string bytes;
  for (unsigned shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(value >> shift & 0xFFU);
  return bytes;
}

std::string text(const std::string& bytes) {
  return number(static_cast<std::uint32_t>(bytes.size())) + bytes;
}

/// The beginning of a file for an_engine(), up to its number of images.
std::string head() {
  return "rdxcache" + number(1) + text(an_engine().id) + text("27.3.1") + text("containerd");
}

class CacheFileTest : public testing::Test {
 protected:
  void TearDown() override { fs::permissions(folder_.path(), fs::perms::owner_all); }  // so that it can go

  void save(const Images& images) const {
    const Status saved = file_.save(an_engine(), images);
    ASSERT_TRUE(saved.ok()) << saved.error().text;
  }
  std::string bytes() const { return read_regular_file(path_, CacheFile::max_bytes).value(); }
  void put(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }
  /// The same with a right checksum.
  void put_signed(const std::string& body) const {
    Sha256 sum;
    sum.add(body);
    const auto result = sum.finish();
    put(body + std::string(result.data(), result.size()));
  }
  /// What load() returns and logs.
  std::pair<Images, std::string> load(const Identity& engine = an_engine()) const {
    testing::internal::CaptureStderr();
    Images images = file_.load(engine);
    return {std::move(images), testing::internal::GetCapturedStderr()};
  }
  /// Expects that nothing is taken from the file, and a line about it that says `why`.
  void expect_refused(const std::string& why) const {
    const auto [images, log] = load();
    EXPECT_THAT(images, IsEmpty());
    EXPECT_THAT(log, HasSubstr(why));
    EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
  }

  const support::TemporaryFolder folder_;
  const std::string path_ = folder_.path() / "cache";
  const CacheFile file_{path_};
};

TEST_F(CacheFileTest, GivesBackWhatWasKept) {
  save(some_images());
  const auto [images, log] = load();
  EXPECT_EQ(images, some_images());
  EXPECT_THAT(log,
              HasSubstr("level=info msg=\"what an earlier run inspected is taken from the cache file\""));
  EXPECT_THAT(log, HasSubstr("images=3"));

  save({});
  EXPECT_THAT(load().first, IsEmpty());
}

TEST_F(CacheFileTest, IsReadableByItsUserAloneAndLeavesNothingBesideIt) {
  save(some_images());
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 1);
}

TEST_F(CacheFileTest, HasNothingWithoutAWordWhenThereIsNoFile) {
  const auto [images, log] = load();
  EXPECT_THAT(images, IsEmpty());
  EXPECT_EQ(log, "");
}

TEST_F(CacheFileTest, IsWrittenAsItsFormatSays) {
  save({{"sha256:aa", {"a:1", "b:2"}, {"a@x"}, {}}});
  const std::string body = head() + number(1) + text("sha256:aa") + number(2) + text("a:1") + text("b:2") +
                           number(1) + text("a@x") + number(0);
  EXPECT_EQ(bytes().substr(0, bytes().size() - sum_bytes), body);
  put_signed(body);
  EXPECT_EQ(load().first.size(), 1U);
}

TEST_F(CacheFileTest, KeepsEachWayInWhichAnEngineIsAnotherApart) {
  save(some_images());
  Identity other_id = an_engine();
  other_id.id = "another";
  Identity other_version = an_engine();
  other_version.version = "27.4.0";
  Identity other_store = an_engine();
  other_store.image_store = ImageStore::graphdriver;
  for (const Identity& other : {other_id, other_version, other_store}) {
    const auto [images, log] = load(other);
    EXPECT_THAT(images, IsEmpty());
    EXPECT_THAT(log, HasSubstr("level=info"));
    EXPECT_THAT(log, HasSubstr("of another engine, version or image store: every image is inspected anew"));
    EXPECT_THAT(log, HasSubstr("its_version=27.3.1"));
    EXPECT_THAT(log, HasSubstr("its_store=containerd"));
  }
  Identity renamed = an_engine();
  renamed.name = "another-host-name";
  renamed.api_version = "1.43";
  EXPECT_EQ(load(renamed).first, some_images());
}

TEST_F(CacheFileTest, KeepsNothingOfAnEngineWithoutALastingId) {
  Identity podman = an_engine();
  podman.id.clear();
  EXPECT_TRUE(file_.save(podman, some_images()).ok());
  EXPECT_FALSE(fs::exists(path_));
  put_signed("rdxcache" + number(1) + text("") + text("27.3.1") + text("containerd") + number(0));
  const auto [images, log] = load(podman);
  EXPECT_THAT(images, IsEmpty());
  EXPECT_THAT(log, HasSubstr("this engine has no lasting ID"));
}

TEST_F(CacheFileTest, RefusesAFileThatIsCutOffAnywhere) {
  save(some_images());
  const std::string whole = bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    SCOPED_TRACE(size);
    put(whole.substr(0, size));
    expect_refused("level=warn msg=\"the cache file is damaged: every image is inspected anew");
  }
}

TEST_F(CacheFileTest, RefusesAFileWithAnyBitFlippedOrAByteTooMany) {
  save(some_images());
  const std::string whole = bytes();
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    SCOPED_TRACE(bit);
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    put(damaged);
    const std::size_t byte = bit / 8;
    if (byte < magic_bytes)
      expect_refused("this is no cache file");
    else if (byte < magic_bytes + 4)
      expect_refused("of another version of this program");
    else
      expect_refused("how=\"its checksum is wrong\"");
  }
  put(whole + '\0');
  expect_refused("how=\"its checksum is wrong\"");
}

TEST_F(CacheFileTest, RefusesAFileOfAnotherFormat) {
  put_signed("rdxcache" + number(2) + "whatever");
  expect_refused("level=info msg=\"the cache file is of another version of this program");
  expect_refused("its_format=2 format=1");
}

TEST_F(CacheFileTest, RefusesNonsenseWithARightChecksum) {
  const std::uint32_t huge = 0xFFFFFFFF;
  const std::string id = text("sha256:aa");
  const std::string none = number(0);
  const std::string controls[] = {"a\nb", std::string("a\0b", 3), "a\x7f", "a\xC2\x80", "\xff",
                                  "\xC3", "\xED\xA0\x80"};
  std::vector<std::pair<std::string, std::string>> cases = {
      {"nothing but magic and format", "rdxcache" + number(1)},
      {"an engine ID longer than the file", "rdxcache" + number(1) + number(huge)},
      {"an engine ID longer than a text may be", "rdxcache" + number(1) + text(std::string(5000, 'x'))},
      {"no number of images", head()},
      {"more images than bytes", head() + number(huge)},
      {"more images than there are", head() + number(2) + id + none + none + none},
      {"fewer images than there are", head() + number(0) + id + none + none + none},
      {"an Id longer than the file", head() + number(1) + number(huge) + none + none + none + none},
      {"an empty Id", head() + number(1) + text("") + none + none + none + none},
      {"more tags than bytes", head() + number(1) + id + number(huge) + none + none},
      {"more tags than texts", head() + number(1) + id + number(2) + text("a") + none + none},
      {"an empty tag", head() + number(1) + id + number(1) + text("") + none + none + none},
      {"a tag that is too long",
       head() + number(1) + id + number(1) + text(std::string(4097, 'x')) + none + none},
      {"a list that is missing", head() + number(1) + id + none + none},
      {"more tags than a list may have", [&] {
         std::string many = head() + number(1) + id + number(65'537);
         for (int i = 0; i < 65'537; ++i) many += text("a");
         return many + none + none;
       }()}};
  for (const auto& control : controls) {
    cases.emplace_back("an Id that is no label", head() + number(1) + text(control) + none + none + none);
    cases.emplace_back("a digest that is no label",
                       head() + number(1) + id + none + none + number(1) + text(control));
  }
  for (const auto& [what, body] : cases) {
    SCOPED_TRACE(what);
    put_signed(body);
    expect_refused("how=\"its checksum is right, but its content makes no sense\"");
  }
}

TEST_F(CacheFileTest, TakesSoundImagesOrNoneWhateverByteIsAnotherUnderARightChecksum) {
  save(some_images());
  const std::string body = bytes().substr(0, bytes().size() - sum_bytes);
  for (std::size_t at = 0; at < body.size(); ++at)
    for (const int other : {0x00, 0x01, 0x7F, 0x80, 0xFF}) {
      std::string changed = body;
      changed[at] = static_cast<char>(other);
      put_signed(changed);
      for (const auto& image : load().first) EXPECT_FALSE(image.id.empty());
    }
}

TEST_F(CacheFileTest, LeavesOutImagesWithTextsThatAreNotSound) {
  Images images = some_images();
  for (const std::string& bad :
       {std::string(), std::string("a\tb"), std::string("\xff"), std::string(4097, 'x')}) {
    images.push_back({bad, {}, {}, {}});
    images.push_back({"sha256:dd", {bad}, {}, {}});
    images.push_back({"sha256:dd", {}, {bad}, {}});
    images.push_back({"sha256:dd", {}, {}, {bad}});
  }
  images.push_back({"sha256:dd", {}, {}, std::vector<std::string>(65'537, "a@b")});
  images.push_back({"sha256:ee", {}, {}, std::vector<std::string>(65'536, "a@b")});
  save(images);
  Images expected = some_images();
  expected.push_back(images.back());
  EXPECT_EQ(load().first, expected);
}

TEST_F(CacheFileTest, HoldsWhatItsLimitsAllowAndNoMore) {
  Limits limits;
  limits.images = 3;
  limits.texts = 7;
  std::string whole;
  const auto encoded = [&] {
    whole.clear();
    return encode(an_engine(), some_images(), limits, [&](std::string_view part) {
      whole += part;
      return Status();
    });
  };
  save(some_images());
  limits.bytes = bytes().size();
  ASSERT_TRUE(encoded().ok());
  EXPECT_EQ(whole, bytes());
  EXPECT_EQ(std::get<Images>(decode(whole, an_engine(), limits)), some_images());

  --limits.images;
  EXPECT_TRUE(std::holds_alternative<Refusal>(decode(whole, an_engine(), limits)));
  EXPECT_FALSE(encoded().ok());
  ++limits.images;
  --limits.texts;
  EXPECT_TRUE(std::holds_alternative<Refusal>(decode(bytes(), an_engine(), limits)));
  EXPECT_FALSE(encoded().ok());
  ++limits.texts;
  --limits.bytes;
  const Status too_large = encoded();
  ASSERT_FALSE(too_large.ok());
  EXPECT_EQ(too_large.error().reason, Reason::too_large);
  EXPECT_THAT(too_large.error().text, HasSubstr("3 images with 7 names and digests take "));
  EXPECT_EQ(whole, "");
}

TEST_F(CacheFileTest, IsNotWrittenForAnEngineThatItCouldNotReadAgain) {
  Identity odd = an_engine();
  odd.version = std::string(4097, '2');
  EXPECT_FALSE(file_.save(odd, some_images()).ok());
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(CacheFileTest, DoesNotReadAFileThatIsTooLarge) {
  save(some_images());
  fs::resize_file(path_, CacheFile::max_bytes + 1);  // a hole
  expect_refused("is larger than 268435456 bytes\" remedy=");
}

TEST_F(CacheFileTest, DoesNotTouchWhatIsNoRegularFile) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  expect_refused("is not a regular file\" remedy=\"give --cache.file a path of its own\"");
  EXPECT_FALSE(file_.save(an_engine(), some_images()).ok());
  EXPECT_TRUE(fs::is_fifo(path_));

  const CacheFile folder(folder_.path());
  testing::internal::CaptureStderr();
  EXPECT_THAT(folder.load(an_engine()), IsEmpty());
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("is not a regular file"));
  EXPECT_FALSE(folder.save(an_engine(), some_images()).ok());
}

TEST_F(CacheFileTest, DoesNotReplaceAFileOfSomebodyElse) {
  put("precious");
  expect_refused("this is no cache file and is left alone");
  const Status saved = file_.save(an_engine(), some_images());
  ASSERT_FALSE(saved.ok());
  EXPECT_EQ(saved.error().text, "cannot write " + path_ +
                                    ": what stands there is no cache file: remove it, or "
                                    "give --cache.file a path of its own");
  EXPECT_EQ(bytes(), "precious");
}

TEST_F(CacheFileTest, ReplacesADamagedFileAndOneOfAnotherFormatOrEngine) {
  for (const std::string& old :
       {std::string(), std::string("rdx"), std::string("rdxcache damaged"), "rdxcache" + number(7)}) {
    put(old);
    save(some_images());
    EXPECT_EQ(load().first, some_images());
  }
  Identity other = an_engine();
  other.id = "another";
  ASSERT_TRUE(file_.save(other, {}).ok());
  EXPECT_THAT(load().first, IsEmpty());
}

TEST_F(CacheFileTest, FollowsASymlinkToReadAndReplacesItToWrite) {
  save(some_images());
  const fs::path real = folder_.path() / "real";
  fs::rename(path_, real);
  fs::create_symlink("real", path_);
  EXPECT_EQ(load().first, some_images());
  save({});
  EXPECT_FALSE(fs::is_symlink(path_));
  fs::rename(real, path_);
  EXPECT_EQ(load().first, some_images());
}

TEST_F(CacheFileTest, SaysWhatToDoAboutAFileThatItMayNotReadOrWrite) {
  save(some_images());
  fs::permissions(path_, fs::perms::none);
  fs::permissions(folder_.path(), fs::perms::owner_exec | fs::perms::others_exec);
  const support::WithoutPrivileges somebody;
  expect_refused("permission denied\" remedy=\"give it to the user this program runs as, or remove it\"");
  const Status saved = file_.save(an_engine(), some_images());
  ASSERT_FALSE(saved.ok());
  EXPECT_EQ(saved.error().reason, Reason::permission);
}

TEST_F(CacheFileTest, KeepsTheOldFileWhenTheDiskIsFull) {
  save(some_images());
  const std::string old = bytes();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, SIG_IGN);
  const Images many(2000, {"sha256:aa", {"app:1"}, {"app@sha256:aa"}, {"app@sha256:aa", "app@sha256:aa"}});
  std::size_t size = 0;
  ASSERT_TRUE(encode(an_engine(), many, {}, [&size](std::string_view part) {
                size += part.size();
                return Status();
              }).ok());
  ASSERT_GT(size, 150'000U) << "it goes to the disk in one piece";
  // At the first piece, in the middle, at the last byte.
  for (const rlim_t limit : {rlim_t{10}, rlim_t{100'000}, rlim_t{size - 1}}) {
    SCOPED_TRACE(limit);
    const rlimit small{limit, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const Status saved = file_.save(an_engine(), many);
    ::setrlimit(RLIMIT_FSIZE, &before);
    ASSERT_FALSE(saved.ok());
    EXPECT_EQ(saved.error().text, "cannot write " + path_ + ": file too large");
    EXPECT_EQ(bytes(), old);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 1);
  }
  save(many);
  EXPECT_EQ(bytes().size(), size);
}

TEST_F(CacheFileTest, ShowsAReaderTheOldOrTheNewFileWhole) {
  const Images small = some_images();
  const Images large(5000, small[0]);
  save(small);
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; i < 100; ++i) save(i % 2 == 0 ? large : small);
    done = true;
  });
  testing::internal::CaptureStderr();
  std::size_t reads = 0;
  std::size_t others = 0;
  while (!done || reads == 0) {
    const Images images = file_.load(an_engine());
    others += images == small || images == large ? 0U : 1U;
    ++reads;
  }
  const std::string log = testing::internal::GetCapturedStderr();
  writer.join();
  EXPECT_EQ(others, 0U) << "of " << reads;
  EXPECT_THAT(log, testing::Not(HasSubstr("level=warn")));
}

}  // namespace
}  // namespace repodigest::cache
