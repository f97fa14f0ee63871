// The status page as the server renders it: what a browser without script has of it, and what it may not do.
#include "status_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "repodigest/base/sha256.h"
#include "repodigest/exposition/forms.h"
#include "repodigest/inventory/snapshot.h"
#include "repodigest/poll/health.h"
#include "status_rows.h"
#include "support/fake_clock.h"
#include "support/gunzip.h"
#include "support/snapshot_builder.h"

namespace repodigest::app {
namespace {

using support::inspected_image;
using support::new_image;
using support::sha256;
using support::SnapshotBuilder;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class StatusPageTest : public ::testing::Test {
 protected:
  web::Reply reply(const PageOptions& options, bool gzip = false) {
    snapshots_.publish(builder_.build());
    board_.set(health_);
    return status_page(Moment({snapshots_, board_, stats_, clock_, forms_}), true, options, gzip);
  }
  std::string page(const PageOptions& options) { return *reply(options).body.front(); }
  std::string page() { return page(options_); }

  SnapshotBuilder builder_;
  poll::Health health_;
  const PageOptions options_{.telemetry_path = "/metrics"};

 private:
  inventory::SnapshotStore snapshots_;
  poll::HealthBoard board_;
  Stats stats_;
  support::FakeClock clock_;
  exposition::Forms forms_{{}};
};

std::string_view header(const web::Reply& reply, std::string_view name) {
  for (const auto& [one, value] : reply.headers)
    if (one == name) return value;
  return {};
}

/// What stands between two marks, the first time.
std::string between(std::string_view text, std::string_view begin, std::string_view end) {
  const auto at = text.find(begin) + begin.size();
  return std::string(text.substr(at, text.find(end, at) - at));
}

inventory::Image with_duplicates(char digit, const std::string& name) {
  const std::string entry = name + "@" + sha256(digit);
  return inspected_image(sha256(digit), {name + ":1", name + ":2"}, {entry, entry, entry});
}

TEST_F(StatusPageTest, AllowsItsOwnStyleAndScriptByTheirHashAndNothingElse) {
  const auto answer = reply(options_);
  const std::string& html = *answer.body.front();
  const std::string style = between(html, "<style>", "</style>");
  const std::string script = between(html, "<script>", "</script>");
  EXPECT_GT(style.size(), 1000U);
  EXPECT_GT(script.size(), 1000U);
  EXPECT_EQ(header(answer, "Content-Security-Policy"),
            "default-src 'none'; style-src 'sha256-" + sha256_base64(style) + "'; script-src 'sha256-" +
                sha256_base64(script) +
                "'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
                "frame-ancestors 'none'");
  EXPECT_EQ(header(answer, "Referrer-Policy"), "no-referrer");
  EXPECT_EQ(answer.content_type, "text/html; charset=utf-8");
}

TEST_F(StatusPageTest, IsMadeOfLessThan30KilobytesWithoutAnythingFromElsewhere) {
  std::size_t size = 0;
  for (const auto* name : {"frame.html", "inventory.html", "style.css", "script.js"}) {
    EXPECT_GT(page_file(name).size(), 1000U) << name;
    size += page_file(name).size();
  }
  EXPECT_LT(size, 30'000U);
  EXPECT_EQ(page_file("other.html"), "");
  const std::string html = page();
  for (const auto* elsewhere : {"src=", "url(", "@import", "style=", "onclick=", "{{"})
    EXPECT_EQ(html.find(elsewhere), std::string::npos) << elsewhere;
}

TEST_F(StatusPageTest, EscapesWhateverComesFromOutside) {
  const std::string hostile = "<script>alert('1')</script>\"&{{rows}}";
  const std::string harmless = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;{{rows}}";
  auto image = with_duplicates('1', hostile);
  image.containers = {{hostile, hostile, "running"}, {"2", "b", hostile}};
  builder_.add(std::move(image));
  builder_->engine->name = hostile;
  builder_->engine->version = hostile;
  builder_->engine->storage_driver = hostile;
  builder_->containers_known = true;
  health_.last_error = Error{Reason::connect, hostile};
  const std::string html = page();
  EXPECT_THAT(html, Not(HasSubstr("<script>alert")));
  std::size_t count = 0;
  for (auto at = html.find(harmless); at != std::string::npos; at = html.find(harmless, at + 1)) ++count;
  // title, host, version, driver, error, name, entry, two tags, container and state, both twice
  EXPECT_EQ(count, 13U);
}

TEST_F(StatusPageTest, TellsOfTheEngineItsDefectAndTheWayOut) {
  const std::string html = page();
  EXPECT_THAT(html, AllOf(HasSubstr("<h1 id=\"host\">docker-host</h1>"),
                          HasSubstr("Engine 27.3.1 · API 1.47 · containerd image store (overlayfs)"),
                          HasSubstr(">moby-48747</a>"), HasSubstr("Upgrade to 27.4.0 or later."),
                          Not(HasSubstr("moby-45122")), Not(HasSubstr("<b>demo</b>"))));
  builder_->demo = true;
  EXPECT_THAT(page(), HasSubstr("<b>demo</b>"));
}

TEST_F(StatusPageTest, CountsImagesEntriesAndTheirSurplus) {
  builder_.add(with_duplicates('1', "team/app"));
  builder_.add(inspected_image(sha256('2'), {"b:1"}, {"b@" + sha256('2')}));
  builder_.add(new_image(sha256('3'), {"c:1"}));
  const std::string html = page();
  for (const auto& [tile, number] : std::vector<std::pair<std::string, std::string>>{
           {"images", "3"}, {"duplicates", "1"}, {"raw", "4"}, {"unique", "2"}, {"surplus", "2"}})
    EXPECT_EQ(between(html, "<b id=\"t-" + tile + "\">", "</b>"), number) << tile;
  EXPECT_THAT(html, AllOf(HasSubstr("1 image still to be inspected."), HasSubstr("<b class=\"twice\">3×</b>"),
                          HasSubstr("width=\"50%\""), HasSubstr("not inspected yet"),
                          HasSubstr("<td class=\"num\">–</td>")));
}

TEST_F(StatusPageTest, NamesTheContainersOfAnImageWithDuplicates) {
  auto image = with_duplicates('1', "team/app");
  for (const auto* name : {"a", "b", "c", "d"}) image.containers.push_back({"1", name, "running"});
  image.containers[1].state = "exited";
  builder_.add(std::move(image));
  builder_->containers_known = true;
  const std::string html = page();
  EXPECT_EQ(between(html, "<p class=\"used\">", "</p>"),
            "used by <bdi>a</bdi>, <bdi>b</bdi> (<bdi>exited</bdi>), <bdi>c</bdi> and 1 more");
  EXPECT_THAT(html, AllOf(HasSubstr("<li><bdi>d</bdi></li>"),
                          HasSubstr("3 running containers of images with duplicates.")));
}

TEST_F(StatusPageTest, ShowsTheFirst200RowsAndAnomaliesFirst) {
  for (int i = 0; i < 300; ++i) builder_.add(inspected_image("sha256:" + std::to_string(i), {"a:1"}, {}));
  auto tagged = inspected_image(sha256('1'), {"b:1"}, {"b:1@" + sha256('1')});
  ASSERT_FALSE(tagged.anomalies.empty());
  builder_.add(std::move(tagged));  // counted only, so not among the first
  builder_.add(inspected_image(sha256('2'), {"y:1"}, {"y@" + sha256('2'), "y@" + sha256('3')}));
  builder_.add(with_duplicates('4', "z"));
  const std::string html = page();
  const std::string rows = between(html, "<tbody id=\"rows\">", "</tbody>");
  std::vector<std::string> names;
  for (auto at = rows.find("<summary>"); at != std::string::npos; at = rows.find("<summary>", at + 1))
    names.push_back(between(std::string_view(rows).substr(at), "<bdi>", "</bdi>"));
  ASSERT_EQ(names.size(), status_rows_limit);
  EXPECT_EQ(names[0], "z:1");
  EXPECT_EQ(names[1], "y:1");
  EXPECT_EQ(names[2], "a:1");
  EXPECT_EQ(names.back(), "a:1");
  EXPECT_THAT(html, HasSubstr("Showing 200 of 303 images"));
}

TEST_F(StatusPageTest, CutsListsOfThousandsOfEntries) {
  std::vector<std::string> entries;
  for (int i = 0; i < 5000; ++i) entries.push_back("team/app" + std::to_string(i) + "@" + sha256('1'));
  builder_.add(inspected_image(sha256('1'), {"a:1"}, entries));
  const std::string html = page();
  EXPECT_THAT(html, AllOf(HasSubstr("team/app99@"), Not(HasSubstr("team/app100@")),
                          HasSubstr("<li>and 4900 more</li>")));
}

TEST_F(StatusPageTest, SaysHowThePollingGoes) {
  EXPECT_THAT(page(), AllOf(HasSubstr("Engine not heard yet"), HasSubstr("Not confirmed yet"),
                            HasSubstr("Event stream connected"), HasSubstr("Last error: none")));
  health_.up = true;
  health_.last_confirmed = support::FakeClock().wall() - std::chrono::minutes(3);
  EXPECT_THAT(page(), AllOf(HasSubstr("Engine answers"), HasSubstr("Confirmed 3 min ago")));
  health_.last_error = Error{Reason::timeout, "no answer within 5m"};
  EXPECT_THAT(page(), AllOf(HasSubstr("Last error: timeout"),
                            HasSubstr("The last poll failed: no answer within 5m")));
  health_.up = false;
  health_.confirmed_until = SteadyTime(std::chrono::seconds(-1));
  EXPECT_THAT(page(), AllOf(HasSubstr("Engine does not answer"), HasSubstr("<p>Stale: "),
                            HasSubstr("The engine does not answer: no answer within 5m")));
}

TEST_F(StatusPageTest, CountsNothingBeforeTheFirstList) {
  builder_->listed = false;
  builder_->engine.reset();
  health_.last_error = Error{Reason::permission, "its group is 998"};
  const std::string html = page();
  EXPECT_EQ(between(html, "<b id=\"t-images\">", "</b>"), "–");
  EXPECT_THAT(html, AllOf(HasSubstr("have not been listed yet: its group is 998"),
                          HasSubstr("<p id=\"shown\" role=\"status\"></p>")));
}

TEST_F(StatusPageTest, HasNoBarOfNoDigests) {
  const std::string bar = "<svg id=\"bar\" aria-hidden=\"true\" hidden>";
  const std::string key = "<span id=\"key\" hidden>";
  builder_.add(inspected_image(sha256('1'), {"a:1"}, {}));
  EXPECT_THAT(page(), AllOf(HasSubstr(bar), HasSubstr(key), HasSubstr("Showing 1 of 1 image<")));
  builder_.add(with_duplicates('2', "team/app"));
  EXPECT_THAT(page(), AllOf(Not(HasSubstr(bar)), Not(HasSubstr(key)), HasSubstr("<span id=\"key\">")));
}

TEST_F(StatusPageTest, WithoutTheApiHasNoScriptAndNoLinksToIt) {
  builder_.add(with_duplicates('1', "team/app"));
  const PageOptions options{.telemetry_path = "/metrics", .api = false};
  EXPECT_THAT(page(options),
              AllOf(HasSubstr("team/app:1"), Not(HasSubstr("<script")), Not(HasSubstr("\"api/"))));
  EXPECT_THAT(std::string(header(reply(options), "Content-Security-Policy")),
              AllOf(Not(HasSubstr("script-src")), Not(HasSubstr("connect-src"))));
}

TEST_F(StatusPageTest, WithoutPollingSaysSo) {
  const std::string html = page({.telemetry_path = "/metrics", .api = false, .polling = false});
  EXPECT_THAT(html, AllOf(HasSubstr("Polling is off"), Not(HasSubstr("<table")), Not(HasSubstr("<script"))));
}

TEST_F(StatusPageTest, LinksAreRelative) {
  const std::string html = page({.telemetry_path = "/m/x"});
  EXPECT_THAT(html, AllOf(HasSubstr("href=\"m/x\""), HasSubstr("href=\"api/v1/images\""),
                          HasSubstr("href=\"-/ready\""), Not(HasSubstr("href=\"/"))));
}

TEST_F(StatusPageTest, ComesPackedToo) {
  const auto packed = reply(options_, true);
  EXPECT_EQ(header(packed, "Content-Encoding"), "gzip");
  EXPECT_EQ(header(packed, "Vary"), "Accept-Encoding");
  EXPECT_EQ(support::gunzip_one_member(*packed.body.front()), page());
}

}  // namespace
}  // namespace repodigest::app
