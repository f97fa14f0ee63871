// The exporter behind nginx, as a reverse proxy that keeps its prefix and as one that takes it away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <vector>

#include "support/feed_command.h"
#include "support/gunzip.h"
#include "support/program.h"

namespace repodigest {
namespace {

using nlohmann::json;
using support::Daemon;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Headers = std::vector<std::pair<std::string, std::string>>;

/// What stands in nginx's location, and the flags that fit it.
struct Proxied {
  const char* name;
  const char* proxy_pass_path;  ///< behind the upstream's address
  const char* more;             ///< other directives
  std::vector<std::string> flags;
};

void PrintTo(const Proxied& proxied, std::ostream* out) {
  *out << proxied.name;
}

/// nginx in a folder of its own, in one process that is its user's: no master, no privileges to drop.
class Nginx {
 public:
  Nginx(const Proxied& proxied, const std::string& upstream) {
    const std::string folder = folder_.path().string();
    std::string temporary;
    for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
      temporary += std::string(kind) + "_temp_path " + folder + "/" + kind + ";\n";
    std::ofstream(folder_.path() / "nginx.conf")
        << "daemon off;\nmaster_process off;\npid " << folder << "/pid;\nerror_log stderr;\n"
        << "events { worker_connections 64; }\nhttp {\naccess_log off;\n"
        << temporary << "server {\nlisten unix:" << socket() << ";\n"
        << "location /exporter/ {\nproxy_pass http://unix:" << upstream << ":" << proxied.proxy_pass_path
        << ";\n"
        << proxied.more << "\n}\n}\n}\n";
    process_ = std::make_unique<support::Process>(
        std::vector<std::string>{"nginx", "-e", "stderr", "-p", folder, "-c", folder + "/nginx.conf"});
  }
  ~Nginx() {
    process_->signal(SIGTERM);
    EXPECT_TRUE(process_->wait(std::chrono::seconds(20))) << errors();
  }
  Nginx(const Nginx&) = delete;
  Nginx& operator=(const Nginx&) = delete;

  [[nodiscard]] std::string socket() const { return (folder_.path() / "nginx.sock").string(); }
  [[nodiscard]] std::string errors() const { return process_->errors(); }

 private:
  support::TemporaryFolder folder_;
  std::unique_ptr<support::Process> process_;
};

class NginxTest : public ::testing::TestWithParam<Proxied> {
 protected:
  void SetUp() override {
    if (!support::succeeds("nginx -v"))
      GTEST_SKIP() << "THERE IS NO NGINX HERE: the exporter behind a reverse proxy was not tested";
    auto flags = GetParam().flags;
    flags.emplace_back("--demo");
    daemon_ = std::make_unique<Daemon>(flags);
    nginx_ = std::make_unique<Nginx>(GetParam(), daemon_->socket().string());
    ASSERT_TRUE(support::eventually([&] {
      const auto answer = get("metrics");
      return answer.ok() && support::value_of(answer->body, "docker_repo_digests") == 155;
    })) << daemon_->log()
        << nginx_->errors();
  }

  /// GET of what is below /exporter/, by way of nginx.
  [[nodiscard]] Result<transport::Response> get(const std::string& path, Headers headers = {}) const {
    transport::Endpoint endpoint;
    endpoint.path = nginx_->socket();
    transport::Request request;
    request.target = "/exporter/" + path;
    request.headers = std::move(headers);
    return transport::make_transport(endpoint)->call(request, Cancel().within(std::chrono::seconds(30)));
  }

  std::unique_ptr<Daemon> daemon_;
  std::unique_ptr<Nginx> nginx_;
};

TEST_P(NginxTest, EveryLinkOfThePageLeadsSomewhere) {
  const auto page = get("");
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->status, 200);
  EXPECT_THAT(std::string(page->header("Content-Security-Policy")), HasSubstr("default-src 'none'"));
  const std::regex link("href=\"([^\"]*)\"");
  int links = 0;
  for (std::sregex_iterator at(page->body.begin(), page->body.end(), link), end; at != end; ++at) {
    const std::string target = (*at)[1];
    if (target.find("://") != std::string::npos || target.starts_with('#')) continue;
    EXPECT_THAT(target, Not(testing::StartsWith("/")));
    EXPECT_EQ(get(target)->status, 200) << target;
    ++links;
  }
  EXPECT_GE(links, 5);
}

TEST_P(NginxTest, MetricsComePlainAndGzipped) {
  const auto plain = get("metrics");
  EXPECT_EQ(plain->header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(plain->header("Content-Encoding"), "");
  const auto packed = get("metrics", {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(packed->status, 200);
  EXPECT_EQ(packed->header("Content-Encoding"), "gzip");
  EXPECT_EQ(support::value_of(support::gunzip_one_member(packed->body), "docker_repo_digests"), 155);
}

TEST_P(NginxTest, AnETagSparesTheDocument) {
  for (const Headers& encoding : {Headers{}, Headers{{"Accept-Encoding", "gzip"}}}) {
    const auto first = get("api/v1/images", encoding);
    ASSERT_EQ(first->status, 200);
    const std::string etag(first->header("ETag"));
    ASSERT_NE(etag, "");
    EXPECT_THAT(etag, Not(testing::StartsWith("W/"))) << "nginx changed the bytes";
    Headers again = encoding;
    again.emplace_back("If-None-Match", etag);
    const auto second = get("api/v1/images", again);
    EXPECT_EQ(second->status, 304);
    EXPECT_EQ(second->body, "");
  }
}

TEST_P(NginxTest, JsonIsFilteredAndNamesWithSlashesAreFound) {
  EXPECT_EQ(json::parse(get("api/v1/images?anomaly=duplicate")->body).at("images").size(), 5U);
  for (const char* name :
       {"localhost:5000/namespace1/myimage:1.0.0", "localhost%3A5000%2Fnamespace1%2Fmyimage%3A1.0.0"}) {
    const auto image = get("api/v1/images/" + std::string(name));
    ASSERT_EQ(image->status, 200) << name;
    EXPECT_EQ(json::parse(image->body).at("unique_count"), 2);
  }
  EXPECT_EQ(get("-/healthy")->status, 200);
  EXPECT_EQ(get("nothing")->status, 404);
}

const std::string external_url = "--web.external-url=https://proxy.example/exporter/";

INSTANTIATE_TEST_SUITE_P(
    Prefix, NginxTest,
    testing::Values(Proxied{"Kept", "", "", {external_url}},
                    Proxied{"KeptWithKeepAlive",
                            "",
                            "proxy_http_version 1.1; proxy_set_header Connection \"\";",
                            {"--web.route-prefix=/exporter"}},
                    Proxied{"TakenAway", "/", "", {external_url, "--web.route-prefix=/"}},
                    Proxied{"TakenAwayWithoutAnyFlag", "/", "proxy_http_version 1.1;", {}}),
    [](const testing::TestParamInfo<Proxied>& proxied) { return proxied.param.name; });

}  // namespace
}  // namespace repodigest
