#include "repodigest/engine/client.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "repodigest/base/duration.h"

namespace repodigest::engine {
namespace {

/// Major and minor.
using ApiVersion = std::array<std::uint32_t, 2>;

/// Reads "1.47".
constexpr std::optional<ApiVersion> parse_api_version(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || text.size() > 10) return std::nullopt;
  ApiVersion version{};
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == dot) continue;
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    std::uint32_t& number = version[i < dot ? 0 : 1];
    number = number * 10 + static_cast<std::uint32_t>(text[i] - '0');
  }
  if (dot == 0 || dot + 1 == text.size()) return std::nullopt;
  return version;
}

constexpr ApiVersion our_newest = *parse_api_version(newest_api_version);
constexpr ApiVersion our_oldest = *parse_api_version(oldest_api_version);

/// moby v27.3.1 api/server/middleware/version.go: "client version 1.99 is too new. Maximum supported API
/// version is 1.47", "client version 1.11 is too old. …"; a proxy or an engine replaced under us can say so
/// at any time.
bool refuses_api_version(int status, std::string_view message) {
  return status == 400 && message.find("client version ") != std::string_view::npos &&
         message.find(" is too ") != std::string_view::npos;
}

/// What Go's server says to plain HTTP on its TLS port (net/http server.go).
bool wants_tls(int status, std::string_view message) {
  return status == 400 && message.find("HTTP request to an HTTPS server") != std::string_view::npos;
}

/// What socket proxies (haproxy rules, allow-lists of paths) answer to a path that is not allowed. Engines
/// answer so to none of ours.
bool is_refusal_of_a_proxy(int status) {
  return status == 403 || status == 405;
}

}  // namespace

struct Client::Call {
  Operation operation;
  Caller caller;
  std::string target;
  Duration timeout;
  std::size_t max_body_bytes = ClientOptions::max_light_bytes;
  std::size_t expected_body_bytes = 0;
};

struct Client::InfoAnswer {
  /// Nothing: a proxy that guards the socket refuses /info and may let the rest pass. Store, name and ID stay
  /// unknown then.
  std::optional<Info> info;
  bool doubtful = false;  ///< may be of another engine than the ping's
};

/// What /version and /info said together.
struct Client::Introduction {
  Sight sight;
  bool unsure = false;  ///< an answer may be of another engine than the ping's: the next call finds out
  bool torn = false;    ///< the second may be of another engine than the first
};

Client::Client(std::unique_ptr<transport::Transport> transport, std::string endpoint_text,
               ClientOptions options, Stats& stats, const Clock& clock)
    : transport_(std::move(transport)),
      endpoint_text_(std::move(endpoint_text)),
      options_(std::move(options)),
      stats_(stats),
      clock_(clock) {
  // Docker's own clients take DOCKER_API_VERSION with a v too.
  if (options_.api_version.starts_with('v')) options_.api_version.erase(0, 1);
}

Error Client::failed(const Call& call, Error error) {
  stats_.request_failures[index_of(call.operation)][index_of(error.reason)].add();
  const bool list = call.operation == Operation::image_list;
  if (error.reason == Reason::too_large && list)
    error.text += "; --docker.max-response-bytes is " + std::to_string(options_.max_list_bytes);
  if (error.reason == Reason::timeout)
    error.text +=
        (list ? "; --docker.list-timeout is " : "; --docker.timeout is ") + format_duration(call.timeout);
  return error;
}

Error Client::bad_answer(const Call& call, Error error) {
  error.text = "GET " + call.target + " on " + endpoint_text_ + ": " + error.text;
  return failed(call, std::move(error));
}

Result<transport::Response> Client::call(const Call& call, const Cancel& cancel) {
  transport::Request request;
  request.target = call.target;
  request.max_body_bytes = call.max_body_bytes;
  request.expected_body_bytes = call.expected_body_bytes;
  const SteadyTime start = clock_.now();
  Result<transport::Response> response = transport_->call(request, cancel.within(call.timeout));
  const Duration taken = clock_.now() - start;
  stats_.request_duration[index_of(call.operation)].observe(taken);
  stats_.engine_busy[index_of(call.caller)].add(taken);
  if (!response) return failed(call, std::move(response).error());

  if (may_be_of_another_engine(*response)) reconnected_ = true;
  const int status = response->status;
  if (status < 300) return response;
  const std::string message = decoder_.error_message(response->body);
  Error error{.reason = Reason::http,
              .text = "status " + std::to_string(status) + (message.empty() ? "" : ": " + message),
              .status = status};
  if (status == 404 && call.operation == Operation::image_inspect) error.reason = Reason::not_found;
  if (wants_tls(status, message)) {
    error.reason = Reason::tls;
    error.text =
        "TLS is spoken here: set --docker.cert-path (or DOCKER_TLS_VERIFY and DOCKER_CERT_PATH), or write "
        "https://";
  } else if (call.operation == Operation::ping) {
    error.text += "; is this a Docker engine? Check --docker.host";
  }
  if (refuses_api_version(status, message)) {
    error.reason = Reason::api_version;
    reconnected_ = true;  // whatever was negotiated doesn't hold any more
  }
  return bad_answer(call, std::move(error));
}

bool Client::may_be_of_another_engine(const transport::Response& response) const {
  const auto differs = [&](std::string_view name, std::string_view known) {
    const std::string_view value = response.header(name);
    return !value.empty() && value != known;
  };
  return response.new_connection || differs("Server", ping_server_) ||
         differs("Api-Version", ping_api_version_);
}

Result<Sight> Client::look(const Cancel& cancel, bool count) {
  last_look_failed_ = true;  // until it has succeeded
  // GET, because engines before 19.03 don't know HEAD here.
  const Call ping_call{Operation::ping, Caller::look, "/_ping", options_.timeout};
  const Result<transport::Response> ping = call(ping_call, cancel);
  if (!ping) return ping.error();
  const std::string_view api_version = ping->header("Api-Version");
  if (api_version.empty() || !ping->body.starts_with("OK"))
    return bad_answer(ping_call,
                      {.reason = Reason::http,
                       .text = "this is not a Docker engine (its answer has no Api-Version header or is "
                               "not \"OK\"): check --docker.host",
                       .status = ping->status});
  Sight sight;
  if (identity_ && !reconnected_ && count) {
    Result<std::optional<std::size_t>> images = count_images(cancel);
    if (!images) return std::move(images).error();
    sight.images = *images;
  }
  if (!identity_ || reconnected_) {
    reconnected_ = true;  // until all of this look has succeeded
    ping_server_ = ping->header("Server");
    ping_api_version_ = api_version;
    // Podman makes up another ID for every answer (podman v4.3.1 pkg/api/handlers/compat/info.go), which
    // would make each reconnect look like another engine.
    const bool podman = !ping->header("Libpod-Api-Version").empty();
    Result<Introduction> introduction = introduce(podman, cancel);
    if (introduction && introduction->torn) introduction = introduce(podman, cancel);
    if (!introduction) return std::move(introduction).error();
    sight.images = introduction->sight.images;
    identity_ = std::move(introduction->sight.identity);
    reconnected_ = introduction->unsure;
  }
  last_look_failed_ = false;
  sight.identity = *identity_;
  return sight;
}

Result<std::optional<std::size_t>> Client::count_images(const Cancel& cancel) {
  const Result<InfoAnswer> answer = ask_info(identity_->api_version, cancel);
  if (!answer) {
    // Refused in this API version: another engine answers, and the introduction finds out which.
    if (reconnected_ && answer.error().status != 0) return std::optional<std::size_t>();
    return answer.error();
  }
  if (!answer->info) return std::optional<std::size_t>();
  const Info& info = *answer->info;
  // Behind a proxy nothing else may show that the engine was replaced by one of the same version.
  if ((!identity_->podman && info.id != identity_->id) || info.storage_driver != identity_->storage_driver ||
      info.image_store != identity_->image_store)
    reconnected_ = true;
  return info.images;
}

Result<Client::InfoAnswer> Client::ask_info(const std::string& api_version, const Cancel& cancel) {
  const Call call_info{Operation::info, Caller::look, "/v" + api_version + "/info", options_.timeout};
  const Result<transport::Response> response = call(call_info, cancel);
  if (!response) {
    if (is_refusal_of_a_proxy(response.error().status)) return InfoAnswer{};
    return response.error();
  }
  Result<Info> info = decoder_.info(response->body);
  if (!info) return bad_answer(call_info, std::move(info).error());
  return InfoAnswer{.info = std::move(info).value(), .doubtful = may_be_of_another_engine(*response)};
}

Result<Client::Introduction> Client::introduce(bool podman, const Cancel& cancel) {
  const Call version_call{Operation::version, Caller::look, "/version", options_.timeout};
  const Result<transport::Response> version_response = call(version_call, cancel);
  if (!version_response) return version_response.error();
  const Result<Version> version = decoder_.version(version_response->body);
  if (!version) return bad_answer(version_call, version.error());
  Result<std::string> spoken = negotiate(*version);
  if (!spoken) return bad_answer(version_call, std::move(spoken).error());

  Result<InfoAnswer> answer = ask_info(*spoken, cancel);
  if (!answer) return std::move(answer).error();
  const Info info = answer->info.value_or(Info());

  const bool first_doubtful = may_be_of_another_engine(*version_response);
  return Introduction{.sight = {.identity = {.id = podman ? "" : info.id,
                                             .name = info.name,
                                             .version = version->version,
                                             .api_version = *spoken,
                                             .os = version->os,
                                             .architecture = version->architecture,
                                             .storage_driver = info.storage_driver,
                                             .image_store = info.image_store,
                                             .podman = podman},
                                .images = info.images},
                      .unsure = first_doubtful || answer->doubtful,
                      .torn = answer->doubtful && !first_doubtful};
}

Result<std::string> Client::negotiate(const Version& version) const {
  const auto refused = [](std::string text) {
    return Error{.reason = Reason::api_version, .text = std::move(text)};
  };
  const std::optional<ApiVersion> newest = parse_api_version(version.api_version);
  // Engines before 1.25 don't name their oldest; podman takes whatever it is asked.
  const std::optional<ApiVersion> oldest =
      version.min_api_version.empty() ? ApiVersion{} : parse_api_version(version.min_api_version);
  if (!newest || !oldest)
    return Error{.reason = Reason::parse, .text = "ApiVersion or MinAPIVersion is not a version like 1.47"};
  const std::string served = "the engine serves the API versions " +
                             (version.min_api_version.empty() ? "up to " : version.min_api_version + " to ") +
                             version.api_version;

  if (!options_.api_version.empty()) {
    const std::optional<ApiVersion> wanted = parse_api_version(options_.api_version);
    if (wanted && *wanted >= std::max(*oldest, our_oldest) && *wanted <= *newest) return options_.api_version;
    return refused("--docker.api-version (or DOCKER_API_VERSION) asks for " + options_.api_version +
                   ", but " + served + ": leave it out, or choose one of these from " +
                   std::string(oldest_api_version) + " on");
  }
  if (*newest < our_oldest || *oldest > our_newest)
    return refused(served + ", this program speaks " + std::string(oldest_api_version) + " to " +
                   std::string(newest_api_version) + ": " +
                   (*newest < our_oldest ? "upgrade the engine" : "upgrade this program"));
  return *newest < our_newest ? version.api_version : std::string(newest_api_version);
}

Result<transport::Response> Client::call_known(const Call& call, const Cancel& cancel) {
  Result<transport::Response> response = this->call(call, cancel);
  const bool answered = response.ok() || response.error().status != 0;
  if (!reconnected_ || !answered) return response;
  const Identity asked = *identity_;
  const Result<Sight> sight = look(cancel);
  if (!sight) return sight.error();
  const Identity& now = sight->identity;
  if (now == asked) return response;
  return bad_answer(call, {.reason = Reason::interrupted,
                           .text = "the engine changed under way (" + asked.version + " with id " + asked.id +
                                   " was asked, " + now.version + " with id " + now.id +
                                   " is there now): the answer is not used"});
}

Result<ImageList> Client::list_images(const Cancel& cancel) {
  if (const Status known = known_engine(cancel); !known) return known.error();
  const Call list{Operation::image_list,
                  Caller::list,
                  "/v" + identity_->api_version + "/images/json",
                  options_.list_timeout,
                  options_.max_list_bytes,
                  last_list_bytes_ + last_list_bytes_ / 8};  // some more, for new images
  const Result<transport::Response> response = call_known(list, cancel);
  if (!response) return response.error();
  last_list_bytes_ = response->body.size();
  Result<ImageList> rows = decoder_.image_list(response->body);
  if (!rows) return bad_answer(list, std::move(rows).error());
  return rows;
}

Result<ImageInspect> Client::inspect_image(std::string_view name, const Cancel& cancel) {
  if (name.empty()) return Error{.reason = Reason::usage, .text = "an image's name is empty"};
  if (const Status known = known_engine(cancel); !known) return known.error();
  const Call inspect{Operation::image_inspect, Caller::inspect,
                     "/v" + identity_->api_version + "/images/" + transport::encode_path(name) + "/json",
                     options_.timeout};
  const Result<transport::Response> response = call_known(inspect, cancel);
  if (!response) return response.error();
  Result<ImageInspect> image = decoder_.image_inspect(response->body);
  if (!image) return bad_answer(inspect, std::move(image).error());
  return image;
}

Result<std::vector<Container>> Client::list_containers(const Cancel& cancel) {
  if (const Status known = known_engine(cancel); !known) return known.error();
  const Call list{Operation::container_list, Caller::look,
                  "/v" + identity_->api_version + "/containers/json?all=1", options_.timeout};
  const Result<transport::Response> response = call_known(list, cancel);
  if (!response) return response.error();
  Result<std::vector<Container>> containers = decoder_.containers(response->body);
  if (!containers) return bad_answer(list, std::move(containers).error());
  return containers;
}

Status Client::known_engine(const Cancel& cancel) {
  if (identity_) return {};
  const Result<Sight> sight = look(cancel);
  if (!sight) return sight.error();
  return {};
}

}  // namespace repodigest::engine
