#include "repodigest/cache/cache_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>
#include <variant>

#include "format.h"
#include "repodigest/base/fd.h"
#include "repodigest/base/file.h"
#include "repodigest/base/log.h"

namespace repodigest::cache {
namespace {

using inventory::Remembered;

/// What a person can do about a file that cannot be read.
std::string_view remedy(Reason reason) {
  switch (reason) {
    case Reason::permission:
      return "give it to the user this program runs as, or remove it";
    case Reason::too_large:
      return "it was not written by this program: remove it";
    case Reason::usage:
      return "give --cache.file a path of its own";
    default:
      return "look after its disk";
  }
}

/// Says in the log why a file is not used, and what becomes of it.
struct LogRefusal {
  const std::string& path;
  const engine::Identity& engine;

  void operator()(const NoCacheFile& /*refusal*/) const {
    log::warn("this is no cache file and is left alone: every image is inspected anew",
              {{"file", path}, {"remedy", "remove it, or give --cache.file a path of its own"}});
  }
  void operator()(const Damaged& refusal) const {
    log::warn("the cache file is damaged: every image is inspected anew, and the file replaced then",
              {{"file", path}, {"how", refusal.how}});
  }
  void operator()(const OtherFormat& refusal) const {
    log::info(
        "the cache file is of another version of this program: every image is inspected anew, and the file "
        "replaced then",
        {{"file", path},
         {"its_format", std::to_string(refusal.version)},
         {"format", std::to_string(format_version)}});
  }
  void operator()(const OtherEngine& refusal) const {
    log::info(
        "the cache file is of another engine, version or image store: every image is inspected anew, and "
        "the file replaced then",
        {{"file", path},
         {"its_engine_id", refusal.id},
         {"engine_id", engine.id},
         {"its_version", refusal.version},
         {"version", engine.version},
         {"its_store", refusal.store},
         {"store", store_name(engine)}});
  }
};

/// What stands at `path` is a cache file or nothing of worth.
bool may_replace(const std::string& path) {
  // O_NONBLOCK: a pipe that was put there in this moment must not stop the program.
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return ::access(path.c_str(), F_OK) != 0;
  std::string beginning(magic.size(), '\0');
  const ssize_t got = ::read(file.get(), beginning.data(), beginning.size());
  if (got < 0) return false;
  beginning.resize(static_cast<std::size_t>(got));
  return is_replaceable(beginning);
}

}  // namespace

std::vector<Remembered> CacheFile::load(const engine::Identity& engine) const {
  if (engine.id.empty()) {
    log::info("this engine has no lasting ID: nothing is kept in the cache file", {{"file", path_}});
    return {};
  }
  const Result<std::string> bytes = read_regular_file(path_, max_bytes);
  if (!bytes) {
    if (bytes.error().reason != Reason::not_found)
      log::warn("the cache file cannot be used: every image is inspected anew",
                {{"error", bytes.error().text}, {"remedy", remedy(bytes.error().reason)}});
    return {};
  }
  auto content = decode(*bytes, engine, {});
  if (auto* images = std::get_if<std::vector<Remembered>>(&content)) {
    log::info("what an earlier run inspected is taken from the cache file",
              {{"file", path_}, {"images", std::to_string(images->size())}});
    return std::move(*images);
  }
  std::visit(LogRefusal{path_, engine}, std::get<Refusal>(content));
  return {};
}

Status CacheFile::save(const engine::Identity& engine, const std::vector<Remembered>& images) const {
  if (engine.id.empty()) return {};
  Result<NewFile> file = NewFile::beside(path_);
  if (!file) return file.error();
  if (!may_replace(path_))
    return Error{
        Reason::permission,
        "cannot write " + path_ +
            ": what stands there is no cache file: remove it, or give --cache.file a path of its own"};
  Status encoded = encode(engine, images, {}, [&file](std::string_view bytes) { return file->write(bytes); });
  if (!encoded) return encoded;
  return file->put_in_place(S_IRUSR | S_IWUSR);
}

}  // namespace repodigest::cache
