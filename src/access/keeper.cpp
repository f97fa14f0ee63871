#include "repodigest/access/keeper.h"

#include <sys/stat.h>

#include <algorithm>
#include <exception>

#include "repodigest/base/file.h"

namespace repodigest::access {
namespace {

constexpr std::size_t max_file_bytes = std::size_t{1} << 20U;
constexpr Duration retry_interval = std::chrono::seconds(1);

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

Result<std::shared_ptr<const Policy>> make_policy(const WebConfig& config, const Policy* before) {
  std::optional<TlsContext> tls;
  if (config.tls) {
    auto made = TlsContext::make(*config.tls);
    if (!made) return std::move(made).error();
    // Whoever is in stays in where only something else has changed.
    const bool is_same = before != nullptr && before->tls && before->tls->same_as(*made);
    tls = is_same ? before->tls : *std::move(made);
  }
  const bool verifies = config.tls && config.tls->client_auth == ClientAuth::require_and_verify &&
                        config.tls->client_ca.given();
  return std::shared_ptr<const Policy>(
      new Policy{std::move(tls), verifies, config.headers,
                 Users(config.users, before != nullptr ? &before->users : nullptr),
                 config.rate_limit ? std::make_unique<Throttle>(*config.rate_limit) : nullptr});
}

}  // namespace

Result<std::unique_ptr<Keeper>> Keeper::open(std::string path, Listener listener) {
  std::unique_ptr<Keeper> keeper(new Keeper(std::move(path), std::move(listener)));
  const MutexLock lock(keeper->mutex_);
  if (auto status = keeper->read(); !status) return std::move(status).error();
  return keeper;
}

std::shared_ptr<const Policy> Keeper::current() {
  const MutexLock lock(mutex_);
  if (changed())
    if (const auto status = read(); !status) listener_.failed(status.error());
  return policy_;
}

Status Keeper::reload() {
  const MutexLock lock(mutex_);
  return read();
}

Keeper::Stamp Keeper::stamp_of(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return {};
  return {found.st_dev, found.st_ino, found.st_size, nanoseconds(found.st_mtim), nanoseconds(found.st_ctim)};
}

bool Keeper::changed() const {
  if (retry_at_ && std::chrono::steady_clock::now() >= *retry_at_) return true;
  return std::any_of(watched_.begin(), watched_.end(),
                     [](const Watched& file) { return stamp_of(file.path) != file.stamp; });
}

Status Keeper::read() {
  Status status;
  try {
    status = read_now();
  } catch (const std::exception& error) {  // no memory
    status = Error{Reason::connect, path_ + ": " + error.what()};
  }
  const bool is_systems_fault = !status && status.error().reason == Reason::connect;
  retry_at_ =
      is_systems_fault ? std::optional(std::chrono::steady_clock::now() + retry_interval) : std::nullopt;
  return status;
}

Status Keeper::read_now() {
  // Stamps first: what changes while it is read is read once more. Those of the files that a broken config no
  // longer names stay until it is mended.
  for (Watched& file : watched_) file.stamp = stamp_of(file.path);
  if (watched_.empty()) watched_.push_back({path_, stamp_of(path_)});
  const auto content = read_regular_file(path_, max_file_bytes);
  if (!content) return content.error();
  const auto config = parse_web_config(path_, *content);
  if (!config) return config.error();
  if (config->tls) {
    for (const Pem* pem : {&config->tls->certificate, &config->tls->key, &config->tls->client_ca}) {
      const auto same = [pem](const Watched& file) { return file.path == pem->file; };
      if (!pem->file.empty() && std::none_of(watched_.begin(), watched_.end(), same))
        watched_.push_back({pem->file, stamp_of(pem->file)});
    }
  }
  auto policy = make_policy(*config, policy_.get());
  if (!policy) return {Error{policy.error().reason, path_ + ": " + policy.error().text}};
  if (auto status = listener_.allow(**policy); !status) return status;
  policy_ = *std::move(policy);
  std::erase_if(watched_, [&](const Watched& file) {
    return file.path != path_ &&
           !(config->tls && (file.path == config->tls->certificate.file ||
                             file.path == config->tls->key.file || file.path == config->tls->client_ca.file));
  });
  listener_.applied(*policy_, config->notes);
  return {};
}

Status check_web_config(const std::string& path, std::function<Status(const Policy&)> allow) {
  const auto keeper =
      Keeper::open(path, {std::move(allow), [](const Policy&, const std::vector<std::string>&) {}, {}});
  return keeper ? Status() : Status(keeper.error());
}

}  // namespace repodigest::access
