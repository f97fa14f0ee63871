#include "repodigest/access/web_config.h"

#include <openssl/ssl.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <set>
#include <string_view>

#include "bcrypt.h"
#include "repodigest/base/duration.h"
#include "repodigest/base/yaml.h"
#include "tls_names.h"

namespace repodigest::access {
namespace {

using Texts = std::vector<std::string>;

/// The headers that may be set (exporter-toolkit web/handler.go); where values are named, one of them.
struct Header {
  std::string_view name;
  std::array<std::string_view, 2> values = {};
};
constexpr auto known_headers = std::to_array<Header>({{"Content-Security-Policy"},
                                                      {"Strict-Transport-Security"},
                                                      {"X-Content-Type-Options", {"nosniff"}},
                                                      {"X-Frame-Options", {"deny", "sameorigin"}},
                                                      {"X-XSS-Protection"}});

std::string quoted(std::string_view text) {
  return '"' + std::string(text) + '"';
}

class Reader {
 public:
  explicit Reader(const std::string& path)
      : path_(path),
        folder_(path.substr(0, path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1)) {}

  Result<WebConfig> read(const YAML::Node& document) {
    auto status = each(document, "the file",
                       {{"tls_server_config", [this](const YAML::Node& node) { return read_tls(node); }},
                        {"http_server_config", [this](const YAML::Node& node) { return read_http(node); }},
                        {"basic_auth_users", [this](const YAML::Node& node) { return read_users(node); }},
                        {"rate_limit", [this](const YAML::Node& node) { return read_rate_limit(node); }}});
    if (!status) return std::move(status).error();
    return std::move(config_);
  }

  Error wrong(const YAML::Mark& mark, const std::string& text) const {
    std::string place = path_;
    if (!mark.is_null()) place += ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
    return {Reason::usage, place + ": " + text};
  }

 private:
  using Read = std::function<Status(const YAML::Node&)>;

  /// Reads a mapping by the reader of each key; an empty section is none.
  Status each(const YAML::Node& mapping, std::string_view section,
              const std::vector<std::pair<std::string_view, Read>>& readers) const {
    return each_key(mapping, section, [&](const std::string& key, const YAML::Node& value) -> Status {
      const auto found = std::find_if(readers.begin(), readers.end(),
                                      [&](const auto& reader) { return reader.first == key; });
      if (found != readers.end()) return found->second(value);
      std::string known;
      for (const auto& reader : readers) known.append(known.empty() ? "" : ", ").append(reader.first);
      return Error{Reason::usage, "unknown key " + key + ": there is " + known};
    });
  }

  /// Errors that `read` returns get the place of their key.
  Status each_key(const YAML::Node& mapping, std::string_view section,
                  const std::function<Status(const std::string&, const YAML::Node&)>& read) const {
    if (mapping.IsNull()) return {};
    if (!mapping.IsMap()) return wrong(mapping.Mark(), std::string(section) + " must be a mapping");
    std::set<std::string> seen;
    for (const auto& entry : mapping) {
      if (!entry.first.IsScalar()) return wrong(entry.first.Mark(), "a key is not a plain word");
      const std::string& key = entry.first.Scalar();
      if (!seen.insert(key).second) return wrong(entry.first.Mark(), key + " stands twice");
      if (auto status = read(key, entry.second); !status) {
        const std::string& text = status.error().text;
        // From deeper inside it has its place already.
        return text.starts_with(path_) ? status : Status(wrong(entry.first.Mark(), text));
      }
    }
    return {};
  }

  static Status read_text(const YAML::Node& node, std::string& text) {
    if (node.IsNull()) return {};
    if (!node.IsScalar()) return Error{Reason::usage, "a single value is wanted"};
    text = node.Scalar();
    return {};
  }
  static Read into(std::string& text) {
    return [&text](const YAML::Node& node) { return read_text(node, text); };
  }
  /// A path, relative to the file's folder.
  Read into_path(std::string& path) const {
    return [this, &path](const YAML::Node& node) {
      auto status = read_text(node, path);
      if (status && !path.empty() && path.front() != '/') path.insert(0, folder_);
      return status;
    };
  }
  static Read into(bool& flag) {
    return [&flag](const YAML::Node& node) -> Status {
      if (node.IsNull() || (node.IsScalar() && YAML::convert<bool>::decode(node, flag))) return {};
      return Error{Reason::usage, "true or false is wanted"};
    };
  }
  static Read into(Texts& texts) {
    return [&texts](const YAML::Node& node) -> Status {
      if (node.IsNull()) return {};
      if (!node.IsSequence()) return Error{Reason::usage, "a list is wanted"};
      for (const auto& item : node) {
        if (!item.IsScalar()) return Error{Reason::usage, "a list of single values is wanted"};
        texts.push_back(item.Scalar());
      }
      return {};
    };
  }

  Status read_tls(const YAML::Node& node) {
    TlsSettings tls;
    std::string client_auth;
    std::string min_version;
    std::string max_version;
    Texts suites;
    Texts curves;
    auto status = each(node, "tls_server_config",
                       {{"cert", into(tls.certificate.text)},
                        {"cert_file", into_path(tls.certificate.file)},
                        {"key", into(tls.key.text)},
                        {"key_file", into_path(tls.key.file)},
                        {"client_ca", into(tls.client_ca.text)},
                        {"client_ca_file", into_path(tls.client_ca.file)},
                        {"client_auth_type", into(client_auth)},
                        {"client_allowed_sans", into(tls.client_allowed_sans)},
                        {"min_version", into(min_version)},
                        {"max_version", into(max_version)},
                        {"cipher_suites", into(suites)},
                        {"prefer_server_cipher_suites", into(tls.prefer_server_cipher_suites)},
                        {"curve_preferences", into(curves)}});
    if (!status) return status;
    for (const auto& [pem, name] :
         {std::pair(&tls.certificate, "cert"), {&tls.key, "key"}, {&tls.client_ca, "client_ca"}})
      if (!pem->text.empty() && !pem->file.empty())
        return Error{Reason::usage, std::string(name) + " and " + name + "_file exclude each other"};
    if (status = set_versions(tls, min_version, max_version); !status) return status;
    if (status = set_suites(tls, suites); !status) return status;
    if (status = set_curves(tls, curves); !status) return status;
    if (status = set_client_auth(tls, client_auth); !status) return status;

    // What makes a TLS section one is the same as in tls_config.go.
    if (!tls.certificate.given() && !tls.key.given() && client_auth.empty() && !tls.client_ca.given()) {
      if (!node.IsNull()) config_.notes.emplace_back("tls_server_config names no certificate: TLS is off");
      return {};
    }
    if (!tls.certificate.given()) return Error{Reason::usage, "cert_file is missing"};
    if (!tls.key.given()) return Error{Reason::usage, "key_file is missing"};
    if (tls.client_ca.given() && tls.client_auth == ClientAuth::none)
      return Error{Reason::usage,
                   "a client CA without a client_auth_type asks nobody for a certificate: "
                   "set client_auth_type to RequireAndVerifyClientCert"};
    if (!tls.client_allowed_sans.empty() && tls.client_auth == ClientAuth::none)
      return Error{Reason::usage,
                   "client_allowed_sans without a client_auth_type asks nobody for a certificate: "
                   "set client_auth_type to RequireAndVerifyClientCert"};
    config_.tls = std::move(tls);
    return {};
  }

  Status set_versions(TlsSettings& tls, const std::string& least, const std::string& most) {
    const auto read = [](const std::string& text, int otherwise) -> Result<int> {
      if (text.empty()) return otherwise;
      if (const auto number = tls_version(text)) return *number;
      return Error{Reason::usage, "unknown TLS version " + quoted(text) + ": there is TLS12, TLS13"};
    };
    const auto min = read(least, TLS1_2_VERSION);
    if (!min) return min.error();
    const auto max = read(most, TLS1_3_VERSION);
    if (!max) return max.error();
    if (*max < *min) return Error{Reason::usage, "max_version is below min_version"};
    // Go serves TLS 1.0 and 1.1 to whom asks for them; OpenSSL 3 has nothing for them at its usual level.
    if (*min < TLS1_2_VERSION)
      config_.notes.emplace_back(*max < TLS1_2_VERSION
                                     ? "TLS 1.0 and 1.1 are not served: TLS 1.2 is instead"
                                     : "TLS 1.0 and 1.1 are not served: TLS 1.2 is the least");
    tls.min_version = std::max(*min, TLS1_2_VERSION);
    tls.max_version = std::max(*max, TLS1_2_VERSION);
    return {};
  }

  /// After set_versions().
  static Status set_suites(TlsSettings& tls, const Texts& names) {
    if (names.empty()) return {};
    tls.cipher_suites.emplace();
    for (const auto& name : names) {
      const auto* const suite = cipher_suite(name);
      if (suite == nullptr) return Error{Reason::usage, "unknown cipher suite " + quoted(name)};
      if (!suite->openssl_name.empty()) tls.cipher_suites->emplace_back(suite->openssl_name);
    }
    if (tls.cipher_suites->empty() && tls.max_version < TLS1_3_VERSION)
      return Error{Reason::usage, "cipher_suites has none for TLS 1.2, and max_version forbids 1.3"};
    return {};
  }

  static Status set_curves(TlsSettings& tls, const Texts& names) {
    for (const auto& name : names) {
      const auto found = curve(name);
      if (found.empty())
        return Error{Reason::usage,
                     "unknown curve " + quoted(name) + ": there is CurveP256, CurveP384, CurveP521, X25519"};
      tls.curves.emplace_back(found);
    }
    return {};
  }

  static Status set_client_auth(TlsSettings& tls, const std::string& name) {
    constexpr auto names = std::to_array<std::pair<std::string_view, ClientAuth>>(
        {{"", ClientAuth::none},
         {"NoClientCert", ClientAuth::none},
         {"RequestClientCert", ClientAuth::request},
         {"RequireAnyClientCert", ClientAuth::require_any},
         {"RequireClientCert", ClientAuth::require_any},  // its name in old files
         {"VerifyClientCertIfGiven", ClientAuth::verify_if_given},
         {"RequireAndVerifyClientCert", ClientAuth::require_and_verify}});
    for (const auto& [known, value] : names)
      if (known == name) {
        tls.client_auth = value;
        return {};
      }
    return Error{Reason::usage, "unknown client_auth_type " + quoted(name)};
  }

  Status read_http(const YAML::Node& node) {
    bool http2 = false;
    auto status = each(
        node, "http_server_config",
        {{"http2", into(http2)}, {"headers", [this](const YAML::Node& headers) {
                                    return each_key(headers, "headers",
                                                    [this](const std::string& name, const YAML::Node& value) {
                                                      return read_header(name, value);
                                                    });
                                  }}});
    if (status && http2) config_.notes.emplace_back("http2: true changes nothing: HTTP/1.1 is served");
    return status;
  }

  Status read_header(const std::string& name, const YAML::Node& node) {
    const auto* const known = std::find_if(known_headers.begin(), known_headers.end(),
                                           [&](const Header& header) { return header.name == name; });
    if (known == known_headers.end()) {
      std::string names;
      for (const Header& header : known_headers) names.append(names.empty() ? "" : ", ").append(header.name);
      return Error{Reason::usage, "the header " + name + " cannot be set: there is " + names};
    }
    std::string value;
    if (auto status = read_text(node, value); !status) return status;
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::any_of(value.begin(), value.end(), is_control))
      return Error{Reason::usage, "the value of " + name + " has a control character in it"};
    const auto& values = known->values;
    if (!values[0].empty() && std::find(values.begin(), values.end(), value) == values.end())
      return Error{Reason::usage, name + " must be " + std::string(values[0]) +
                                      (values[1].empty() ? "" : " or " + std::string(values[1]))};
    config_.headers.emplace_back(name, value);
    return {};
  }

  Status read_users(const YAML::Node& node) {
    auto all = each_key(
        node, "basic_auth_users", [this](const std::string& name, const YAML::Node& value) -> Status {
          std::string hash;
          if (auto status = read_text(value, hash); !status) return status;
          // RFC 7617 2: the first colon ends the name, so nobody could ever give this one.
          if (name.find(':') != std::string::npos)
            return Error{Reason::usage, "a user's name cannot hold a colon"};
          if (auto status = check_bcrypt(hash); !status)
            return Error{Reason::usage, "the password of " + name + ": " + status.error().text};
          config_.users.emplace(name, std::move(hash));
          return {};
        });
    const auto costs_differ = std::adjacent_find(
        config_.users.begin(), config_.users.end(), [](const auto& one, const auto& other) {
          return bcrypt_cost(one.second) != bcrypt_cost(other.second);
        });
    if (all && costs_differ != config_.users.end())
      config_.notes.emplace_back(
          "the passwords' hashes are of different costs: the time of an answer tells which users there are");
    return all;
  }

  Status read_rate_limit(const YAML::Node& node) {
    std::string interval;
    std::string burst;
    auto status = each(node, "rate_limit", {{"interval", into(interval)}, {"burst", into(burst)}});
    if (!status) return status;
    RateLimit limit;
    if (!interval.empty()) {
      const auto read = parse_duration(interval);
      if (!read) return Error{Reason::usage, "interval: " + read.error().text};
      limit.interval = *read;
    }
    const auto [end, failure] = std::from_chars(burst.data(), burst.data() + burst.size(), limit.burst);
    if (!burst.empty() && (failure != std::errc() || end != burst.data() + burst.size()))
      return Error{Reason::usage, "burst: " + quoted(burst) + " is not a number of requests"};
    if (limit.interval == Duration::zero()) return {};
    if (limit.interval > std::chrono::hours(24 * 365))
      return Error{Reason::usage, "interval: longer than a year, which lets nobody in"};
    if (limit.burst == 0) return Error{Reason::usage, "burst must be at least 1, or nobody is ever let in"};
    config_.rate_limit = limit;
    return {};
  }

  const std::string path_;
  const std::string folder_;
  WebConfig config_;
};

}  // namespace

Result<WebConfig> parse_web_config(const std::string& path, const std::string& content) {
  Reader reader(path);
  try {
    return reader.read(read_yaml(content));
  } catch (const YAML::ParserException& failure) {
    return reader.wrong(failure.mark, "not YAML: " + failure.msg);
  } catch (const YAML::Exception& failure) {
    return reader.wrong(failure.mark, failure.msg);
  }
}

}  // namespace repodigest::access
