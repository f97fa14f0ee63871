// What one host more costs a fleet: series and bytes of its exporter's scrapes, the exporter's memory and CPU
// time, and the disk of a Prometheus that keeps them; by number of images, with and without duplicates, and
// by
// --metrics.per-image.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "bench/child.h"
#include "repodigest/base/cancel.h"
#include "repodigest/transport/transport.h"
#include "support/feed_command.h"
#include "support/generated_engine.h"
#include "support/program.h"
#include "support/recording.h"
#include "support/replay_engine.h"
#include "support/temporary_folder.h"

namespace repodigest {
namespace {

namespace fs = std::filesystem;
using bench::give_up;
using bench::must;
using support::value_of;

constexpr int scrapes = 2000;

/// Four names each, all with duplicates, or none, as engines from 27.4.0 on say it.
support::Recording recording_of(std::size_t images, bool duplicates) {
  auto recording =
      support::Recording::from_folder(REPODIGEST_SOURCE_DIR "/tests/recorded/" +
                                      std::string(duplicates ? "27.3.1" : "29.7.2") + "-containerd");
  if (!recording.ok()) give_up(recording.error().text);
  recording->set_body("/images/json", "[]");
  for (std::size_t i = 0; i < images; ++i) {
    auto image = support::generated_image(i);
    if (!duplicates) {
      // Its entries stand in two pairs.
      const std::size_t begin = image.inspect.find("\"RepoDigests\":[") + 15;
      const std::size_t end = image.inspect.find(']', begin);
      std::istringstream entries(image.inspect.substr(begin, end - begin));
      std::string all;
      std::string before;
      for (std::string entry; std::getline(entries, entry, ',');) {
        if (entry != before) all += (all.empty() ? "" : ",") + entry;
        before = entry;
      }
      image.inspect.replace(begin, end - begin, all);
    }
    recording->add_image(image.row, image.inspect);
  }
  return std::move(recording).value();
}

/// Bytes of a scrape as Prometheus asks for it, the reply's head included.
struct Scrape {
  std::string body;
  std::size_t bytes = 0;
};
Scrape scrape(transport::Transport& connection, bool gzip) {
  transport::Request request;
  request.target = "/metrics";
  request.max_body_bytes = std::size_t{1} << 28U;
  request.headers = {
      {"Accept",
       "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
       "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"}};
  if (gzip) request.headers.emplace_back("Accept-Encoding", "gzip");
  auto reply = must(connection.call(request, Cancel().within(std::chrono::seconds(30))));
  std::size_t head = std::string("HTTP/1.1 200 OK\r\n\r\n").size();
  for (const auto& [name, value] : reply.headers) head += name.size() + value.size() + 4;
  const std::size_t bytes = head + reply.body.size();
  return {std::move(reply.body), bytes};
}

/// Series and their values. A scrape adds five of Prometheus' own (up, scrape_duration_seconds …).
std::map<std::string, double> series_of(const std::string& body) {
  std::map<std::string, double> series;
  std::istringstream lines(body);
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with('#') && !line.empty())
      series[line.substr(0, line.rfind(' '))] = std::strtod(line.c_str() + line.rfind(' '), nullptr);
  return series;
}

/// Bytes a sample in a block of Prometheus that holds two hours of that host: counters grow as they did
/// between two scrapes, the rest stays.
double disk_of_a_sample(const std::string& body_before, const std::string& body_after, double between_s,
                        int interval_s) {
  if (!support::succeeds("promtool --version")) return NAN;
  const support::TemporaryFolder folder;
  constexpr std::int64_t start = 1'700'006'400;  // where a block of two hours begins
  const auto before = series_of(body_before);
  std::string text;
  std::size_t samples = 0;
  for (const auto& [series, value] : series_of(body_after)) {
    const auto found = before.find(series);
    const double growth = found == before.end() ? 0 : (value - found->second) / between_s;
    for (std::int64_t at = 0; at < 7200; at += interval_s, ++samples) {
      // Whole counts stay whole.
      double now = value + growth * static_cast<double>(at);
      if (value == std::floor(value)) now = std::floor(now);
      char number[32];
      std::snprintf(number, sizeof number, "%.17g", now);
      text += series + " " + number + " " + std::to_string(start + at) + "\n";
    }
  }
  std::ofstream(folder.path() / "all.om") << text << "# EOF\n";
  if (!support::succeeds("promtool tsdb create-blocks-from openmetrics " +
                         (folder.path() / "all.om").string() + " " + (folder.path() / "data").string()))
    return NAN;
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder.path() / "data"))
    if (entry.is_regular_file()) bytes += entry.file_size();
  return static_cast<double>(bytes) / static_cast<double>(samples);
}

void measure(std::size_t images, bool duplicates, const std::string& per_image) {
  const auto engine = must(support::ReplayEngine::on_loopback(recording_of(images, duplicates)));
  support::Daemon daemon({"--docker.host=" + engine->host(), "--web.listen-address=127.0.0.1:0",
                          "--metrics.per-image=" + per_image, "--poll.max-engine-share=1"});
  transport::Endpoint endpoint;
  endpoint.kind = transport::Endpoint::Kind::tcp;
  endpoint.host = "127.0.0.1";
  endpoint.port = support::logged_port(daemon.process(), "msg=listening address=127.0.0.1:");
  if (!daemon.wait_until_inspected())
    give_up("the daemon does not come to an end of its poll:\n" + daemon.log());
  const auto connection = transport::make_transport(endpoint);
  const Scrape plain = scrape(*connection, false);
  Scrape zipped = scrape(*connection, true);
  const double cpu_before = daemon.metric("process_cpu_seconds_total").value_or(0);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < scrapes; ++i) zipped = scrape(*connection, true);
  const double cpu = daemon.metric("process_cpu_seconds_total").value_or(0) - cpu_before;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const Scrape last = scrape(*connection, false);
  const std::size_t series = series_of(last.body).size() + 5;
  const double disk = disk_of_a_sample(plain.body, last.body, took.count() * 60, 60);
  std::printf("%6zu  %-10s %-9s %7zu %8.1f %8.1f %9zu %9zu %8.1f %8.0f %8.2f\n", images,
              duplicates ? "all" : "none", per_image.c_str(), series, static_cast<double>(series) / 15,
              static_cast<double>(series) / 60, plain.bytes, zipped.bytes,
              daemon.metric("process_resident_memory_bytes").value_or(0) / 1e6, cpu / scrapes * 1e6, disk);
  std::fflush(stdout);
}

}  // namespace
}  // namespace repodigest

int main() {
  std::printf(
      "                             samples/s at               bytes of a scrape   exporter           disk\n"
      "images  duplicates per-image  series    15 s     60 s     plain      gzip   RSS MB  us CPU "
      "B/sample\n");
  for (const std::size_t images : {20U, 300U, 5000U})
    for (const char* per_image : {"all", "anomalous", "none"})
      for (const bool duplicates : {true, false}) repodigest::measure(images, duplicates, per_image);
  return 0;
}
