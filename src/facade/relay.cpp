#include "relay.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include "headers.h"
#include "json.h"

namespace repodigest::facade {
namespace {

/// Thousands of times what an engine has in one; sorting it takes a moment, and ten times the memory.
constexpr std::size_t max_list_bytes = std::size_t{8} << 20U;

bool is_json(std::string_view content_type) {
  const auto end = std::min(content_type.find_first_of("; \t"), content_type.size());
  return same_ignoring_case(content_type.substr(0, end), "application/json");
}

/// Of an answer that passed transport, which refuses what is no number, or two.
std::optional<std::uint64_t> length_of(const transport::Response& answer) {
  const auto text = answer.header("Content-Length");
  std::uint64_t length = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), length).ec != std::errc()) return std::nullopt;
  return length;
}

}  // namespace

Status Relay::head(const transport::Response& answer) {
  const bool corrects = correct_ && answer.status == 200 && is_json(answer.header("Content-Type"));
  const auto encoding = answer.header("Content-Encoding");
  if (corrects && !encoding.empty() && !same_ignoring_case(encoding, "identity"))
    return Error{
        Reason::http,
        "the engine's answer is compressed, although it was asked not to be, and cannot be corrected: "
        "turn compression off in the proxy before the engine, or correction with "
        "--no-docker-api.correct",
        502};
  if (corrects) splicer_.emplace(splice::Options{.max_list_bytes = max_list_bytes});
  count(answer.status);
  return flow_.begin(answer.status, for_client(answer.headers), corrects ? std::nullopt : length_of(answer));
}

Status Relay::piece(std::string_view bytes) {
  if (!splicer_) return flow_.write(bytes, cancel_);
  corrected_.clear();
  // What turns out not to be JSON goes through as it is; the splicer has kept nothing of it back.
  if (!splicer_->feed(bytes, corrected_)) let_splicer_go();
  return corrected_.empty() ? Status() : flow_.write(corrected_, cancel_);
}

Status Relay::end() {
  if (splicer_) {
    corrected_.clear();
    (void)splicer_->finish(corrected_);  // what the engine did not finish is not ours to judge
    let_splicer_go();
    if (!corrected_.empty())
      if (auto written = flow_.write(corrected_, cancel_); !written) return written;
  }
  flow_.end();
  return {};
}

void Relay::say(int status, std::string_view message) {
  const std::string body = message_body(message);
  count(status);
  if (flow_.begin(status, {{"Content-Type", "application/json"}}, body.size()) && flow_.write(body, cancel_))
    flow_.end();
}

void Relay::count(int status) {
  if (!std::exchange(counted_, true)) stats_.count_api(call_, status);
}

void Relay::let_splicer_go() {
  if (!splicer_) return;
  stats_.api_entries_removed.add(splicer_->removed());
  splicer_.reset();
}

}  // namespace repodigest::facade
