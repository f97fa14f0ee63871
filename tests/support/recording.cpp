#include "support/recording.h"

#include <strings.h>

#include <algorithm>
#include <cassert>
#include <cctype>
#include <charconv>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "support/embedded.h"

namespace repodigest::support {

namespace {

// Ordered, so that a body that was changed still reads like the engine's.
using Json = nlohmann::ordered_json;

constexpr std::string_view list_path = "/images/json";

Json parse(std::string_view text) {
  return Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
}

std::string text_of(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::vector<std::string> texts_of(const Json& object, const char* key) {
  std::vector<std::string> texts;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return texts;
  for (const Json& element : *found)
    if (element.is_string()) texts.push_back(element.get<std::string>());
  return texts;
}

bool same_header(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

void replace_first(std::string& text, std::string_view what, std::string_view with) {
  if (const auto at = text.find(what); at != std::string::npos) text.replace(at, what.size(), with);
}

/// `X.headers`: "> GET /path", "HTTP/1.1 200", "Name: value"…
std::optional<Answer> parse_headers(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  if (!line.starts_with("> ")) return std::nullopt;
  std::getline(lines, line);
  constexpr std::string_view protocol = "HTTP/1.1 ";
  if (!line.starts_with(protocol)) return std::nullopt;
  Answer answer;
  const char* digits = line.c_str() + protocol.size();
  if (std::from_chars(digits, line.c_str() + line.size(), answer.status).ec != std::errc())
    return std::nullopt;
  while (std::getline(lines, line)) {
    const auto colon = line.find(": ");
    if (colon == std::string::npos) continue;
    const std::string_view name = std::string_view(line).substr(0, colon);
    if (same_header(name, "Content-Length") || same_header(name, "Transfer-Encoding")) continue;
    answer.headers.emplace_back(name, line.substr(colon + 2));
  }
  return answer;
}

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
      decoded.push_back(static_cast<char>(value));
      i += 2;
    } else {
      decoded.push_back(text[i]);
    }
  }
  return decoded;
}

/// A name as Docker shortens it, and with the tag it means: "docker.io/library/nginx" → "nginx:latest".
std::string familiar(std::string_view name) {
  for (const std::string_view prefix : {"docker.io/", "library/"})
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  std::string text(name);
  const auto slash = text.rfind('/');
  const auto last_part = slash == std::string::npos ? 0 : slash + 1;
  if (text.find_first_of(":@", last_part) == std::string::npos) text += ":latest";
  return text;
}

/// "1.47" as a pair that can be compared; nothing if it is not of that form.
std::optional<std::pair<unsigned, unsigned>> api_version(std::string_view text) {
  std::pair<unsigned, unsigned> version;
  const char* const end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), end, version.first);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return std::nullopt;
  const auto minor = std::from_chars(major.ptr + 1, end, version.second);
  if (minor.ec != std::errc() || minor.ptr != end) return std::nullopt;
  return version;
}

/// The inspect files that are named after their image ("…_<first 12 digits of the Id>.json") come before
/// those that show a variant of the request (an old API version, ?manifests=1) and so may differ.
bool named_after(std::string_view file, std::string_view id) {
  constexpr std::string_view algorithm = "sha256:";
  const std::string_view hex = id.starts_with(algorithm) ? id.substr(algorithm.size()) : id;
  return file.ends_with("_" + std::string(hex.substr(0, 12)) + ".json");
}

}  // namespace

void Answer::set_header(std::string_view name, std::string_view value) {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [&](const auto& header) { return same_header(header.first, name); });
  if (found != headers.end())
    found->second = value;
  else
    headers.emplace_back(name, value);
}

Result<Recording> Recording::from_folder(const std::filesystem::path& folder, Images images) {
  Files files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    std::ifstream stream(entry.path(), std::ios::binary);
    files.emplace(entry.path().filename(), std::string(std::istreambuf_iterator(stream), {}));
    if (stream.bad()) return Error{Reason::usage, "cannot read " + entry.path().string()};
  }
  if (error)
    return Error{Reason::usage, "cannot read the recording " + folder.string() + ": " + error.message()};
  auto recording = load(files, images);
  if (!recording) return Error{Reason::usage, folder.string() + ": " + recording.error().text};
  return recording;
}

Recording Recording::embedded() {
  Files files;
  for (const auto& [name, content] : embedded_files()) files.emplace(name, content);
  auto recording = load(files, Images::usual);
  assert(recording.ok());
  return std::move(recording).value();
}

Result<Recording> Recording::load(const Files& files, Images images) {
  Recording recording;
  const auto usage = [](const std::string& text) { return Error{Reason::usage, text}; };

  const std::initializer_list<std::pair<const char*, Answer*>> needed = {
      {"ping_get.txt", &recording.fixed_["/_ping"]},
      {"ping_head.txt", &recording.fixed_["HEAD /_ping"]},
      {"version.json", &recording.fixed_["/version"]},
      {"info.json", &recording.fixed_["/info"]},
      {"images_json.json", &recording.fixed_[std::string(list_path)]},
      {"404_path.json", &recording.page_not_found_},
      {"inspect_404.json", &recording.no_such_image_},
      {"err_api_too_new.json", &recording.api_too_new_},
      {"err_api_too_old.json", &recording.api_too_old_},
  };
  for (const auto& [name, answer] : needed) {
    const auto body = files.find(name);
    const auto headers = files.find(std::string(name) + ".headers");
    if (body == files.end() || headers == files.end())
      return usage(std::string("the recording has no ") + name + " with .headers");
    auto parsed = parse_headers(headers->second);
    if (!parsed)
      return usage(headers->first + " does not read \"> GET /path\", \"HTTP/1.1 status\", headers");
    *answer = *std::move(parsed);
    answer->body = body->second;
  }

  Answer& list = recording.fixed_.find(list_path)->second;
  recording.fixed_["/containers/json"] = {.status = list.status, .headers = list.headers, .body = "[]\n"};
  if (images == Images::odd) {
    const auto odd = files.find("odd_images_json_all.json");
    if (odd == files.end()) return usage("the recording has no odd_images_json_all.json");
    list.body = odd->second;
  }
  Json rows = parse(list.body);
  if (!rows.is_array()) return usage("the list of images is not a JSON array");

  std::string unknown_images;  // messages of recorded 404s, which name the image
  for (const bool own_file : {true, false}) {
    for (const auto& [name, content] : files) {
      const bool odd = name.starts_with("odd_inspect_");
      if (!name.ends_with(".json") || !(name.starts_with("inspect_") || (odd && images == Images::odd)))
        continue;
      const Json body = parse(content);
      const std::string id = text_of(body, "Id");
      if (id.empty() && odd) unknown_images += text_of(body, "message") + "\n";
      if (id.empty() || recording.inspects_.contains(id) || own_file != named_after(name, id)) continue;
      const auto headers = files.find(name + ".headers");
      auto answer = headers == files.end() ? std::nullopt : parse_headers(headers->second);
      if (!answer) answer = list;  // odd inspects have no .headers: those of every JSON answer
      answer->body = content;
      recording.add_inspect(id, *std::move(answer));
    }
  }

  Json known = Json::array();
  for (Json& row : rows) {
    const std::string id = text_of(row, "Id");
    const bool recorded = recording.inspects_.contains(id) || unknown_images.find(id) != std::string::npos;
    if (!recorded && images == Images::usual) return usage("the recording has no inspect of " + id);
    if (recorded) known.push_back(std::move(row));
  }
  if (known.size() != rows.size()) list.body = known.dump() + "\n";
  return recording;
}

void Recording::add_inspect(const std::string& id, Answer answer) {
  const Json body = parse(answer.body);
  for (const char* key : {"RepoTags", "RepoDigests"})
    for (const std::string& name : texts_of(body, key)) names_.insert_or_assign(familiar(name), id);
  inspects_.insert_or_assign(id, std::move(answer));
}

Answer Recording::answer(std::string_view method, std::string_view target) const {
  const std::string decoded = percent_decoded(target.substr(0, target.find('?')));
  std::string_view path = decoded;
  if (path.starts_with("/v")) {
    const auto end = path.find('/', 1);
    const std::string_view asked = path.substr(2, end == std::string_view::npos ? end : end - 2);
    if (const auto version = api_version(asked)) {
      const Json said = parse(body("/version"));
      const auto newest = api_version(text_of(said, "ApiVersion"));
      const auto oldest = api_version(text_of(said, "MinAPIVersion"));
      const auto refused = [&](Answer refusal, std::string_view recorded_version) {
        replace_first(refusal.body, recorded_version, asked);
        return refusal;
      };
      // An engine that was recorded answering such a request (podman) takes any version.
      if (newest && *version > *newest && api_too_new_.status >= 300) return refused(api_too_new_, "1.99");
      if (oldest && *version < *oldest && api_too_old_.status >= 300) return refused(api_too_old_, "1.11");
      path = end == std::string_view::npos ? std::string_view() : path.substr(end);
    }
  }

  if (method == "HEAD" && path == "/_ping") return fixed_.find("HEAD /_ping")->second;
  if (method != "GET") return page_not_found_;
  if (const auto fixed = fixed_.find(path); fixed != fixed_.end()) return fixed->second;
  constexpr std::string_view before = "/images/";
  constexpr std::string_view after = "/json";
  if (path.size() > before.size() + after.size() && path.starts_with(before) && path.ends_with(after))
    return inspect(path.substr(before.size(), path.size() - before.size() - after.size()));
  return page_not_found_;
}

Answer Recording::inspect(std::string_view name) const {
  const std::string asked = familiar(name);
  const auto named = names_.find(asked);
  auto found = inspects_.find(named != names_.end() ? named->second : name);
  if (found == inspects_.end() && named == names_.end()) {
    constexpr std::string_view algorithm = "sha256:";
    const std::string beginning =
        name.starts_with(algorithm) ? std::string(name) : std::string(algorithm).append(name);
    const auto candidate = inspects_.lower_bound(beginning);
    const auto matches = [&](auto image) {
      return image != inspects_.end() && image->first.starts_with(beginning);
    };
    if (matches(candidate) && !matches(std::next(candidate))) found = candidate;
  }
  if (found != inspects_.end()) return found->second;
  Answer answer = no_such_image_;
  const std::string quoted = Json(name.starts_with("sha256:") ? std::string(name) : asked)
                                 .dump(-1, ' ', false, Json::error_handler_t::replace);
  replace_first(answer.body, "no-such-image:1", std::string_view(quoted).substr(1, quoted.size() - 2));
  return answer;
}

std::vector<std::string> Recording::ids() const {
  std::vector<std::string> ids;
  for (const Json& row : parse(body(list_path))) ids.push_back(text_of(row, "Id"));
  return ids;
}

std::string Recording::inspect_body(std::string_view id) const {
  const auto found = inspects_.find(id);
  return found != inspects_.end() ? found->second.body : std::string();
}

std::string Recording::body(std::string_view path) const {
  const auto found = fixed_.find(path);
  assert(found != fixed_.end());
  return found->second.body;
}

void Recording::remove_image(std::string_view id) {
  Json kept = Json::array();
  for (Json& row : parse(body(list_path)))
    if (text_of(row, "Id") != id) kept.push_back(std::move(row));
  set_body(list_path, kept.dump());
  std::erase_if(names_, [&](const auto& name) { return name.second == id; });
  inspects_.erase(std::string(id));
}

void Recording::add_image(std::string_view row, std::string_view inspect) {
  const std::string id = text_of(parse(row), "Id");
  assert(!id.empty() && id == text_of(parse(inspect), "Id"));
  // As text: benchmarks add ten thousand.
  std::string& rows = fixed_.find(list_path)->second.body;
  const auto end = rows.rfind(']');
  assert(end != std::string::npos);
  rows.insert(end, (rows.find('{') == std::string::npos ? "" : ",") + std::string(row));
  Answer answer;
  answer.headers = fixed_.find(list_path)->second.headers;
  answer.body = inspect;
  add_inspect(id, std::move(answer));
}

void Recording::set_inspect(std::string_view id, std::string body) {
  const auto found = inspects_.find(id);
  assert(found != inspects_.end());
  if (body.empty())
    inspects_.erase(found);
  else
    found->second.body = std::move(body);
}

void Recording::set_body(std::string_view path, std::string body) {
  const auto found = fixed_.find(path);
  assert(found != fixed_.end());
  found->second.body = std::move(body);
}

}  // namespace repodigest::support
