// The engine's API as typed calls: negotiates the version, decodes, measures and counts every call.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "repodigest/base/cancel.h"
#include "repodigest/base/clock.h"
#include "repodigest/base/result.h"
#include "repodigest/base/stats.h"
#include "repodigest/engine/decode.h"
#include "repodigest/engine/image_list.h"
#include "repodigest/engine/types.h"
#include "repodigest/transport/transport.h"

namespace repodigest::engine {

struct ClientOptions {
  std::string api_version;                          ///< asked for by the user ("1.43"); "" is negotiated
  Duration timeout = std::chrono::seconds(30);      ///< of a light call: all but the list of images
  Duration list_timeout = std::chrono::minutes(5);  ///< of a list
  std::size_t max_list_bytes = std::size_t{256} << 20U;
  static constexpr std::size_t max_light_bytes = std::size_t{16} << 20U;
};

/// What a look found.
struct Sight {
  Identity identity;
  /// /info Images, if /info was asked and says it: how many images the engine counts (with the containerd
  /// store: names, dangling ones included; moby v27.3.1 daemon/containerd/service.go CountImages). Only good
  /// for being compared with itself.
  std::optional<std::size_t> images;
  friend bool operator==(const Sight&, const Sight&) = default;
};

/// Talks to one engine over one Transport. Thread rule: one thread.
class Client {
 public:
  /// `stats` and `clock` outlive it. `endpoint_text` is how error texts name the engine.
  Client(std::unique_ptr<transport::Transport> transport, std::string endpoint_text, ClientOptions options,
         Stats& stats, const Clock& clock);

  /// A light look: /_ping, and /version and /info too when an answer came over a new connection since the
  /// last look, when one had another Server or Api-Version header, or when nothing is known yet. Returns who
  /// answered. The API version is negotiated here: min(the engine's newest, ours), or the user's. Errors:
  /// those of the transport, http (a status >= 300, or not a Docker engine), parse, api_version (the engine's
  /// newest is older than 1.24, its oldest newer than ours, or the user's version is outside what it serves).
  /// `count` asks /info in any case, for the count of images; a proxy that refuses it leaves the count out.
  Result<Sight> look(const Cancel& cancel, bool count = false);

  /// Whether the latest look failed, also one that a list or an inspect made on its way: then their Error
  /// tells of the engine, whatever its reason.
  [[nodiscard]] bool last_look_failed() const { return last_look_failed_; }

  /// GET /images/json. Makes a look first if none has succeeded yet, and one afterwards if the answer came
  /// over a new connection or with another Server or Api-Version header (a proxy keeps connections while the
  /// engine behind it is replaced): an answer of another engine than the one looked at is never returned.
  /// Errors: as look(), too_large; interrupted also when the engine changed under way.
  Result<ImageList> list_images(const Cancel& cancel);

  /// GET /images/{name}/json, where `name` is a tag or an Id, percent-encoded here. Looks and errors as
  /// list_images(), and not_found (404), usage (an empty name).
  Result<ImageInspect> inspect_image(std::string_view name, const Cancel& cancel);

  /// GET /containers/json?all=1. Its time counts as look's. Looks and errors as list_images(); http too where
  /// a proxy refuses it (403, 405).
  Result<std::vector<Container>> list_containers(const Cancel& cancel);

 private:
  struct Call;
  struct Introduction;
  struct InfoAnswer;
  /// One call, measured and counted; a status >= 300 is an error.
  Result<transport::Response> call(const Call& call, const Cancel& cancel);
  /// The same, for an answer that must be of the engine in identity_.
  Result<transport::Response> call_known(const Call& call, const Cancel& cancel);
  /// Counts a failed call, and adds to its text which option matters.
  Error failed(const Call& call, Error error);
  /// The same for an answer that came and can't be used: says of which call (the transport's own errors do).
  Error bad_answer(const Call& call, Error error);
  /// Whether it is not certain that the engine of the latest ping gave this answer. Headers that a proxy left
  /// out say nothing.
  [[nodiscard]] bool may_be_of_another_engine(const transport::Response& response) const;
  /// Asks the engine who it is, by /version and /info; without its ID if it is podman.
  Result<Introduction> introduce(bool podman, const Cancel& cancel);
  /// /info, in the version that is spoken.
  Result<InfoAnswer> ask_info(const std::string& api_version, const Cancel& cancel);
  /// The count of images of the engine in identity_; sets reconnected_ if another one seems to answer.
  Result<std::optional<std::size_t>> count_images(const Cancel& cancel);
  /// The API version to speak.
  [[nodiscard]] Result<std::string> negotiate(const Version& version) const;
  /// Makes a look if none has succeeded yet.
  Status known_engine(const Cancel& cancel);

  std::unique_ptr<transport::Transport> transport_;
  std::string endpoint_text_;
  ClientOptions options_;
  Stats& stats_;
  const Clock& clock_;
  Decoder decoder_;
  std::optional<Identity> identity_;  // of the last complete look that succeeded
  std::string ping_server_;           // the Server and Api-Version headers of the latest ping of such a look
  std::string ping_api_version_;
  std::size_t last_list_bytes_ = 0;
  bool reconnected_ = true;  // an answer came since that look which may be of another engine
  bool last_look_failed_ = false;
};

/// The newest API version this program speaks; a newer engine is asked in this one.
inline constexpr std::string_view newest_api_version = "1.55";
/// The oldest one it accepts of an engine (Docker 1.12).
inline constexpr std::string_view oldest_api_version = "1.24";

}  // namespace repodigest::engine
