#include "repodigest/engine/client.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "support/fake_clock.h"
#include "support/fake_transport.h"

namespace repodigest::engine {
namespace {

using support::FakeEngine;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

const std::string id = "sha256:" + std::string(64, 'a');

/// What an engine says of itself.
struct Facts {
  std::string version = "27.3.1";
  std::string newest = "1.47";
  std::string oldest = "1.24";
  std::string id = "engine-1";
  std::string spoken = "1.47";  ///< the version that is to be negotiated
};

class EngineClient : public ::testing::Test {
 protected:
  EngineClient() { serve({}); }

  void serve(const Facts& facts) {
    engine_.set("/_ping", {.body = "OK",
                           .headers = {{"Api-Version", facts.newest},
                                       {"Server", "Docker/" + facts.version + " (linux)"}}});
    engine_.set("/version",
                {.body = R"({"Version":")" + facts.version + R"(","ApiVersion":")" + facts.newest +
                         R"(","MinAPIVersion":")" + facts.oldest + R"(","Os":"linux","Arch":"amd64"})"});
    engine_.set("/v" + facts.spoken + "/info",
                {.body = R"({"ID":")" + facts.id + R"(","Name":"host-1","Driver":"overlayfs",)" +
                         R"("DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]})"});
    engine_.set("/v" + facts.spoken + "/images/json", {.body = R"([{"Id":")" + id + R"("}])"});
    engine_.set("/v" + facts.spoken + "/images/a:1/json", {.body = R"({"Id":")" + id + R"("})"});
  }

  Client& client() {
    if (!client_)
      client_ = std::make_unique<Client>(std::make_unique<support::FakeTransport>(engine_), "unix:///x.sock",
                                         options_, stats_, clock_);
    return *client_;
  }

  std::uint64_t failures(Operation operation, Reason reason) {
    return stats_.request_failures[index_of(operation)][index_of(reason)].value();
  }

  FakeEngine engine_;
  ClientOptions options_;
  Stats stats_;
  support::FakeClock clock_;
  Cancel cancel_;

 private:
  std::unique_ptr<Client> client_;
};

TEST_F(EngineClient, TheFirstLookAsksWhoTheEngineIs) {
  const auto sight = client().look(cancel_);
  ASSERT_TRUE(sight.ok()) << sight.error().text;
  EXPECT_EQ(sight->identity, (Identity{.id = "engine-1",
                                       .name = "host-1",
                                       .version = "27.3.1",
                                       .api_version = "1.47",
                                       .os = "linux",
                                       .architecture = "amd64",
                                       .storage_driver = "overlayfs",
                                       .image_store = ImageStore::containerd}));
  EXPECT_THAT(engine_.take_targets(), ElementsAre("/_ping", "/version", "/v1.47/info"));
}

TEST_F(EngineClient, ALookOverTheSameConnectionIsOnePing) {
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.take_targets();
  const auto sight = client().look(cancel_);
  ASSERT_TRUE(sight.ok());
  EXPECT_EQ(sight->identity.version, "27.3.1");
  EXPECT_THAT(engine_.take_targets(), ElementsAre("/_ping"));
}

TEST_F(EngineClient, ANewConnectionIsNegotiatedAgain) {
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.drop_connection();
  serve({.version = "29.7.2", .newest = "1.55", .oldest = "1.40", .spoken = "1.55"});
  engine_.take_targets();
  const auto sight = client().look(cancel_);
  ASSERT_TRUE(sight.ok()) << sight.error().text;
  EXPECT_EQ(sight->identity.api_version, "1.55");
  EXPECT_THAT(engine_.take_targets(), ElementsAre("/_ping", "/version", "/v1.55/info"));
}

TEST_F(EngineClient, AnotherServerHeaderIsNegotiatedAgain) {
  ASSERT_TRUE(client().look(cancel_).ok());
  serve({.version = "27.4.0"});
  const auto sight = client().look(cancel_);
  ASSERT_TRUE(sight.ok());
  EXPECT_EQ(sight->identity.version, "27.4.0");
}

TEST_F(EngineClient, AFailedLookIsMadeWholeTheNextTime) {
  engine_.once("/v1.47/info", {.status = 500, .body = R"({"message":"boom"})"});
  EXPECT_FALSE(client().look(cancel_).ok());
  engine_.take_targets();
  EXPECT_TRUE(client().look(cancel_).ok());
  EXPECT_THAT(engine_.take_targets(), ElementsAre("/_ping", "/version", "/v1.47/info"));
}

TEST_F(EngineClient, ALookWhoseAnswersCameOverTwoConnectionsIsRepeated) {
  engine_.once("/version", {.body = R"({"Version":"27.3.1","ApiVersion":"1.47"})",
                            .before = [this] { engine_.drop_connection(); }});
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.take_targets();
  ASSERT_TRUE(client().look(cancel_).ok());
  EXPECT_THAT(engine_.take_targets(), ElementsAre("/_ping", "/version", "/v1.47/info"));
}

TEST_F(EngineClient, SpeaksTheNewestVersionBothKnow) {
  serve({.version = "31.0.0", .newest = "1.70", .oldest = "1.44", .spoken = "1.55"});
  const auto newer = client().look(cancel_);
  ASSERT_TRUE(newer.ok()) << newer.error().text;
  EXPECT_EQ(newer->identity.api_version, "1.55");
}

TEST_F(EngineClient, ComparesVersionsAsNumbers) {
  serve({.version = "18.0", .newest = "1.9", .oldest = "1.2"});
  const auto sight = client().look(cancel_);
  ASSERT_FALSE(sight.ok());
  EXPECT_EQ(sight.error().reason, Reason::api_version);
  EXPECT_THAT(sight.error().text, HasSubstr("the engine serves the API versions 1.2 to 1.9, this program "
                                            "speaks 1.24 to 1.55: upgrade the engine"));
}

TEST_F(EngineClient, RefusesAnEngineWhoseOldestVersionIsTooNew) {
  serve({.version = "40.0.0", .newest = "1.99", .oldest = "1.60"});
  const auto sight = client().look(cancel_);
  ASSERT_FALSE(sight.ok());
  EXPECT_EQ(sight.error().reason, Reason::api_version);
  EXPECT_THAT(sight.error().text, HasSubstr("1.60 to 1.99, this program speaks 1.24 to 1.55: upgrade this"));
  EXPECT_EQ(failures(Operation::version, Reason::api_version), 1U);
}

TEST_F(EngineClient, SpeaksTheVersionTheUserAsksFor) {
  options_.api_version = "v1.43";
  serve({.spoken = "1.43"});
  const auto sight = client().look(cancel_);
  ASSERT_TRUE(sight.ok()) << sight.error().text;
  EXPECT_EQ(sight->identity.api_version, "1.43");
}

TEST_F(EngineClient, RefusesAVersionOfTheUserThatTheEngineDoesNotServe) {
  for (const char* wanted : {"1.23", "1.48", "1", "x", "1.", ".4", "1.4x"}) {
    FakeEngine engine;
    engine.set("/_ping", {.body = "OK", .headers = {{"Api-Version", "1.47"}}});
    engine.set("/version", {.body = R"({"Version":"27.3.1","ApiVersion":"1.47","MinAPIVersion":"1.24"})"});
    Client asking(std::make_unique<support::FakeTransport>(engine), "unix:///x.sock", {.api_version = wanted},
                  stats_, clock_);
    const auto sight = asking.look(cancel_);
    ASSERT_FALSE(sight.ok()) << wanted;
    EXPECT_EQ(sight.error().reason, Reason::api_version) << wanted;
    EXPECT_THAT(sight.error().text, HasSubstr("--docker.api-version (or DOCKER_API_VERSION) asks for"));
    EXPECT_THAT(sight.error().text, HasSubstr("1.24 to 1.47"));
  }
}

TEST_F(EngineClient, AnAnswerThatIsNotDockersIsHttpTrouble) {
  const std::vector<std::pair<std::string, std::string>> api = {{"Api-Version", "1.47"}};
  const std::vector<FakeEngine::Answer> answers = {{.body = "OK"},
                                                   {.body = "<!DOCTYPE html><html></html>", .headers = api},
                                                   {.body = "<html></html>"},
                                                   {.status = 301, .body = ""},
                                                   {.status = 404, .body = "<html>\nnginx"}};
  for (const FakeEngine::Answer& answer : answers) {
    engine_.once("/_ping", answer);
    const auto sight = client().look(cancel_);
    ASSERT_FALSE(sight.ok());
    EXPECT_EQ(sight.error().reason, Reason::http);
    EXPECT_EQ(sight.error().status, answer.status);
    EXPECT_THAT(sight.error().text, HasSubstr("GET /_ping on unix:///x.sock: "));
    EXPECT_THAT(sight.error().text, HasSubstr("heck --docker.host"));
  }
  EXPECT_EQ(failures(Operation::ping, Reason::http), answers.size());
}

TEST_F(EngineClient, AVersionThatCannotBeReadIsAParseError) {
  for (const char* body : {"garbage", R"({"Version":"1","ApiVersion":"new"})",
                           R"({"Version":"1","ApiVersion":"1.47","MinAPIVersion":"?"})"}) {
    engine_.once("/version", {.body = body});
    const auto sight = client().look(cancel_);
    ASSERT_FALSE(sight.ok()) << body;
    EXPECT_EQ(sight.error().reason, Reason::parse) << body;
  }
  EXPECT_EQ(failures(Operation::version, Reason::parse), 3U);
}

TEST_F(EngineClient, AListMakesTheFirstLookItself) {
  const auto rows = client().list_images(cancel_);
  ASSERT_TRUE(rows.ok()) << rows.error().text;
  ASSERT_EQ(rows->size(), 1U);
  EXPECT_EQ((*rows)[0].id, id);
  EXPECT_THAT(engine_.take_targets(), ElementsAre("/_ping", "/version", "/v1.47/info", "/v1.47/images/json"));
}

TEST_F(EngineClient, AnInspectAsksByNameInOneCall) {
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.take_targets();
  const auto image = client().inspect_image("a:1", cancel_);
  ASSERT_TRUE(image.ok()) << image.error().text;
  EXPECT_EQ(image->id, id);
  EXPECT_THAT(engine_.take_targets(), ElementsAre("/v1.47/images/a:1/json"));
}

TEST_F(EngineClient, EncodesWhatAPathCannotHave) {
  (void)client().inspect_image("host:5000/a_b-c.d@sha256:1?x=1#y %z\n\xc3\xa9", cancel_);
  EXPECT_EQ(engine_.last_request().target,
            "/v1.47/images/host:5000/a_b-c.d@sha256:1%3Fx%3D1%23y%20%25z%0A%C3%A9/json");
}

TEST_F(EngineClient, AnEmptyNameIsNotAsked) {
  const auto image = client().inspect_image("", cancel_);
  ASSERT_FALSE(image.ok());
  EXPECT_EQ(image.error().reason, Reason::usage);
  EXPECT_THAT(engine_.take_targets(), IsEmpty());
}

TEST_F(EngineClient, AnAnswerAfterAReconnectCountsIfTheEngineIsTheSame) {
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.drop_connection();
  engine_.take_targets();
  EXPECT_TRUE(client().list_images(cancel_).ok());
  EXPECT_THAT(engine_.take_targets(), ElementsAre("/v1.47/images/json", "/_ping", "/version", "/v1.47/info"));
  EXPECT_TRUE(client().inspect_image("a:1", cancel_).ok());
  EXPECT_THAT(engine_.take_targets(), ElementsAre("/v1.47/images/a:1/json"));
}

TEST_F(EngineClient, AnAnswerOfAnotherEngineIsNotUsed) {
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.drop_connection();
  serve({.version = "27.4.0", .id = "engine-2"});
  const auto rows = client().list_images(cancel_);
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.error().reason, Reason::interrupted);
  EXPECT_THAT(rows.error().text, HasSubstr("the engine changed under way (27.3.1 with id engine-1 was asked, "
                                           "27.4.0 with id engine-2 is there now)"));
  EXPECT_EQ(failures(Operation::image_list, Reason::interrupted), 1U);
  EXPECT_TRUE(client().list_images(cancel_).ok()) << "the new engine is known now";
}

TEST_F(EngineClient, A404OfAnotherEngineIsNotUsedEither) {
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.drop_connection();
  serve({.id = "engine-2"});
  const auto image = client().inspect_image("gone:1", cancel_);
  ASSERT_FALSE(image.ok());
  EXPECT_EQ(image.error().reason, Reason::interrupted);
}

TEST_F(EngineClient, AnAnswerWithAnotherServerHeaderOverAKeptConnectionIsNotUsed) {
  ASSERT_TRUE(client().look(cancel_).ok());
  serve({.version = "27.4.0"});
  engine_.set("/v1.47/images/a:1/json",
              {.body = R"({"Id":")" + id + R"("})", .headers = {{"Server", "Docker/27.4.0 (linux)"}}});
  const auto image = client().inspect_image("a:1", cancel_);
  ASSERT_FALSE(image.ok());
  EXPECT_EQ(image.error().reason, Reason::interrupted);
  EXPECT_FALSE(client().last_look_failed());
}

TEST_F(EngineClient, VersionAndInfoOfTwoConnectionsAreAskedAgain) {
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.drop_connection();
  engine_.once("/version", {.body = R"({"Version":"27.3.1","ApiVersion":"1.47","MinAPIVersion":"1.24"})",
                            .before = [this] {
                              engine_.drop_connection_after_answer();
                              serve({.version = "27.4.0", .id = "engine-2"});
                            }});
  engine_.take_targets();
  const auto sight = client().look(cancel_);
  ASSERT_TRUE(sight.ok()) << sight.error().text;
  EXPECT_EQ(sight->identity.version, "27.4.0");
  EXPECT_EQ(sight->identity.id, "engine-2");
  EXPECT_THAT(engine_.take_targets(),
              ElementsAre("/_ping", "/version", "/v1.47/info", "/version", "/v1.47/info"));
}

TEST_F(EngineClient, SaysWhetherAFailureIsOfALookOnTheWay) {
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.once("/v1.47/images/a:1/json", {.status = 500, .body = R"({"message":"data changed"})"});
  EXPECT_FALSE(client().inspect_image("a:1", cancel_).ok());
  EXPECT_FALSE(client().last_look_failed());
  engine_.drop_connection();
  engine_.once("/_ping", {.status = 503, .body = "no server is available"});
  const auto image = client().inspect_image("a:1", cancel_);
  ASSERT_FALSE(image.ok());
  EXPECT_EQ(image.error().reason, Reason::http);
  EXPECT_TRUE(client().last_look_failed());
  ASSERT_TRUE(client().inspect_image("a:1", cancel_).ok());
  EXPECT_FALSE(client().last_look_failed());
}

TEST_F(EngineClient, BehindAProxyThatClosesEachConnectionItStillAnswers) {
  engine_.keep_alive(false);
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(client().look(cancel_).ok());
    EXPECT_TRUE(client().list_images(cancel_).ok());
    EXPECT_TRUE(client().inspect_image("a:1", cancel_).ok());
  }
}

TEST_F(EngineClient, AProxyThatRefusesInfoLeavesTheStoreUnknownAndTheRestWorks) {
  engine_.set("/v1.47/info", {.status = 403, .body = "<html><body><h1>403 Forbidden</h1></body></html>"});
  const auto sight = client().look(cancel_);
  ASSERT_TRUE(sight.ok()) << sight.error().text;
  EXPECT_EQ(sight->identity.version, "27.3.1");
  EXPECT_EQ(sight->identity.image_store, ImageStore::unknown);
  EXPECT_TRUE(client().list_images(cancel_).ok());
}

TEST_F(EngineClient, PodmanStaysTheSameThoughEveryInfoHasAnotherId) {
  const auto serve_podman = [this](const std::string& info_id) {
    serve({.version = "4.3.1", .newest = "1.41", .id = info_id, .spoken = "1.41"});
    engine_.set("/_ping", {.body = "OK",
                           .headers = {{"Api-Version", "1.41"},
                                       {"Libpod-Api-Version", "4.3.1"},
                                       {"Server", "Libpod/4.3.1 (linux)"}}});
  };
  serve_podman("a278c179-985c-418a-bdf0-262cadbf75b3");
  const auto before = client().look(cancel_);
  ASSERT_TRUE(before.ok()) << before.error().text;
  serve_podman("81b43d17-8b3a-4741-8a84-5c2d4f948989");
  engine_.drop_connection();
  const auto rows = client().list_images(cancel_);
  EXPECT_TRUE(rows.ok()) << rows.error().text;
  engine_.drop_connection();
  const auto after = client().look(cancel_);
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(*before, *after);
  EXPECT_TRUE(after->identity.podman);
}

TEST_F(EngineClient, AnUnknownImageIsNotFound) {
  engine_.set("/v1.47/images/gone:1/json", {.status = 404, .body = R"({"message":"No such image: gone:1"})"});
  const auto image = client().inspect_image("gone:1", cancel_);
  ASSERT_FALSE(image.ok());
  EXPECT_EQ(image.error().reason, Reason::not_found);
  EXPECT_EQ(image.error().status, 404);
  EXPECT_EQ(image.error().text,
            "GET /v1.47/images/gone:1/json on unix:///x.sock: status 404: No such image: gone:1");
  EXPECT_EQ(failures(Operation::image_inspect, Reason::not_found), 1U);
}

TEST_F(EngineClient, A404OfTheListIsHttpTrouble) {
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.set("/v1.47/images/json", {.status = 404, .body = R"({"message":"page not found"})"});
  const auto rows = client().list_images(cancel_);
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.error().reason, Reason::http);
}

TEST_F(EngineClient, ARefusedApiVersionIsNegotiatedAgain) {
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.once(
      "/v1.47/images/json",
      {.status = 400,
       .body = R"({"message":"client version 1.47 is too new. Maximum supported API version is 1.41"})"});
  serve({.version = "20.10.24", .newest = "1.41", .oldest = "1.12", .spoken = "1.41"});
  const auto rows = client().list_images(cancel_);
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.error().reason, Reason::interrupted) << rows.error().text;
  EXPECT_EQ(failures(Operation::image_list, Reason::api_version), 1U);
  EXPECT_TRUE(client().list_images(cancel_).ok());
}

TEST_F(EngineClient, ARefusalByTheSameEngineIsAnApiVersionError) {
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.set(
      "/v1.47/images/json",
      {.status = 400, .body = "client version 1.47 is too old. Minimum supported API version is 1.50"});
  const auto rows = client().list_images(cancel_);
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.error().reason, Reason::api_version);
  EXPECT_EQ(rows.error().status, 400);
}

TEST_F(EngineClient, APortThatWantsTlsIsTlsTroubleAndSaysWhatToSet) {
  engine_.set("/_ping", {.status = 400, .body = "Client sent an HTTP request to an HTTPS server.\n"});
  const auto sight = client().look(cancel_);
  ASSERT_FALSE(sight.ok());
  EXPECT_EQ(sight.error().reason, Reason::tls);
  EXPECT_THAT(sight.error().text, HasSubstr("--docker.cert-path"));
}

TEST_F(EngineClient, TransportErrorsAreCountedAndKeepTheirText) {
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.once("/_ping", {.error = Error{Reason::permission, "cannot open /x.sock: permission denied", 0}});
  const auto sight = client().look(cancel_);
  ASSERT_FALSE(sight.ok());
  EXPECT_EQ(sight.error().text, "cannot open /x.sock: permission denied");
  EXPECT_EQ(failures(Operation::ping, Reason::permission), 1U);
}

TEST_F(EngineClient, ATooLargeListNamesTheOption) {
  options_.max_list_bytes = 10;
  const auto rows = client().list_images(cancel_);
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.error().reason, Reason::too_large);
  EXPECT_THAT(rows.error().text, HasSubstr("--docker.max-response-bytes is 10"));
  EXPECT_EQ(failures(Operation::image_list, Reason::too_large), 1U);
}

TEST_F(EngineClient, ATimeoutNamesTheOptionOfItsCall) {
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.once("/v1.47/images/json", {.error = Error{Reason::timeout, "no answer", 0}});
  EXPECT_THAT(client().list_images(cancel_).error().text, HasSubstr("--docker.list-timeout is 5m"));
  engine_.once("/_ping", {.error = Error{Reason::timeout, "no answer", 0}});
  EXPECT_THAT(client().look(cancel_).error().text, HasSubstr("--docker.timeout is 30s"));
}

TEST_F(EngineClient, GivesEachCallItsOwnTimeoutAndCap) {
  options_.timeout = 7s;
  options_.list_timeout = 70s;
  options_.max_list_bytes = 12345;
  ASSERT_TRUE(client().look(cancel_).ok());
  EXPECT_LE(*engine_.last_timeout(), 7s);
  EXPECT_EQ(engine_.last_request().max_body_bytes, ClientOptions::max_light_bytes);
  ASSERT_TRUE(client().list_images(cancel_).ok());
  EXPECT_GT(*engine_.last_timeout(), 7s);
  EXPECT_LE(*engine_.last_timeout(), 70s);
  EXPECT_EQ(engine_.last_request().max_body_bytes, 12345U);
}

TEST_F(EngineClient, AnInterruptedCallSaysSo) {
  const Wake stop;
  stop.raise();
  const auto sight = client().look(Cancel(stop));
  ASSERT_FALSE(sight.ok());
  EXPECT_EQ(sight.error().reason, Reason::interrupted);
}

TEST_F(EngineClient, MeasuresEachOperationAndWhoAsked) {
  const auto lasting = [this](Duration duration, FakeEngine::Answer answer) {
    answer.before = [this, duration] { clock_.advance(duration); };
    return answer;
  };
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.once("/_ping",
               lasting(10ms, {.body = "OK",
                              .headers = {{"Api-Version", "1.47"}, {"Server", "Docker/27.3.1 (linux)"}}}));
  engine_.once("/v1.47/images/json", lasting(2s, {.body = "[]"}));
  engine_.once("/v1.47/images/a:1/json", lasting(500ms, {.status = 500, .body = "{}"}));
  ASSERT_TRUE(client().look(cancel_).ok());
  ASSERT_TRUE(client().list_images(cancel_).ok());
  ASSERT_FALSE(client().inspect_image("a:1", cancel_).ok());

  EXPECT_DOUBLE_EQ(stats_.engine_busy[index_of(Caller::look)].seconds(), 0.01);
  EXPECT_DOUBLE_EQ(stats_.engine_busy[index_of(Caller::list)].seconds(), 2.0);
  EXPECT_DOUBLE_EQ(stats_.engine_busy[index_of(Caller::inspect)].seconds(), 0.5);
  EXPECT_DOUBLE_EQ(stats_.request_duration[index_of(Operation::ping)].sum(), 0.01);
  EXPECT_DOUBLE_EQ(stats_.request_duration[index_of(Operation::image_list)].sum(), 2.0);
  EXPECT_DOUBLE_EQ(stats_.request_duration[index_of(Operation::image_inspect)].sum(), 0.5)
      << "a failed call takes its time too";
  EXPECT_EQ(failures(Operation::image_inspect, Reason::http), 1U);
}

TEST_F(EngineClient, ABodyThatCannotBeReadIsCountedAsParse) {
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.once("/v1.47/images/json", {.body = "[{]"});
  engine_.once("/v1.47/images/a:1/json", {.body = "{}"});
  EXPECT_EQ(client().list_images(cancel_).error().reason, Reason::parse);
  EXPECT_EQ(client().inspect_image("a:1", cancel_).error().reason, Reason::parse);
  EXPECT_EQ(failures(Operation::image_list, Reason::parse), 1U);
  EXPECT_EQ(failures(Operation::image_inspect, Reason::parse), 1U);
}

/// What /info says, with a count of images.
std::string info_with(const std::string& images, const std::string& engine_id = "engine-1") {
  return R"({"ID":")" + engine_id + R"(","Name":"host-1","Driver":"overlayfs","DriverStatus":)" +
         R"([["driver-type","io.containerd.snapshotter.v1"]],"Images":)" + images + "}";
}

TEST_F(EngineClient, ALookCountsImagesWhenAskedTo) {
  engine_.set("/v1.47/info", {.body = info_with("7")});
  auto sight = client().look(cancel_);
  ASSERT_TRUE(sight.ok()) << sight.error().text;
  EXPECT_EQ(sight->images, 7U) << "the first look asks /info in any case";
  engine_.set("/v1.47/info", {.body = info_with("8")});
  sight = client().look(cancel_);
  ASSERT_TRUE(sight.ok());
  EXPECT_EQ(sight->images, std::nullopt);
  engine_.take_targets();
  sight = client().look(cancel_, true);
  ASSERT_TRUE(sight.ok()) << sight.error().text;
  EXPECT_EQ(sight->images, 8U);
  EXPECT_EQ(sight->identity.version, "27.3.1");
  EXPECT_THAT(engine_.take_targets(), ElementsAre("/_ping", "/v1.47/info"));
}

TEST_F(EngineClient, AProxyThatRefusesInfoLeavesTheCountOut) {
  ASSERT_TRUE(client().look(cancel_).ok());
  for (const int status : {403, 405}) {
    engine_.once("/v1.47/info", {.status = status, .body = "Forbidden"});
    const auto sight = client().look(cancel_, true);
    ASSERT_TRUE(sight.ok()) << sight.error().text;
    EXPECT_EQ(sight->images, std::nullopt);
    EXPECT_EQ(sight->identity.id, "engine-1");
  }
}

TEST_F(EngineClient, ACountThatFailsOtherwiseIsAFailedLook) {
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.once("/v1.47/info", {.status = 500, .body = R"({"message":"boom"})"});
  EXPECT_FALSE(client().look(cancel_, true).ok());
  EXPECT_TRUE(client().last_look_failed());
  engine_.once("/v1.47/info", {.error = Error{Reason::timeout, "no answer", 0}});
  EXPECT_FALSE(client().look(cancel_, true).ok());
  engine_.take_targets();
  EXPECT_TRUE(client().look(cancel_, true).ok());
}

TEST_F(EngineClient, ACountShowsAnEngineThatWasReplacedBehindAProxy) {
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.set("/v1.47/info", {.body = info_with("7", "engine-2")});
  engine_.take_targets();
  const auto sight = client().look(cancel_, true);
  ASSERT_TRUE(sight.ok()) << sight.error().text;
  EXPECT_EQ(sight->identity.id, "engine-2");
  EXPECT_EQ(sight->images, 7U);
  EXPECT_THAT(engine_.take_targets(), ElementsAre("/_ping", "/v1.47/info", "/version", "/v1.47/info"));
}

TEST_F(EngineClient, ACountThatAnOlderEngineRefusesIsNegotiatedAgain) {
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.set(
      "/v1.47/info",
      {.status = 400,
       .body = R"({"message":"client version 1.47 is too new. Maximum supported API version is 1.41"})",
       .before = [this] { serve({.version = "20.10.24", .newest = "1.41", .spoken = "1.41"}); }});
  const auto sight = client().look(cancel_, true);
  ASSERT_TRUE(sight.ok()) << sight.error().text;
  EXPECT_EQ(sight->identity.api_version, "1.41");
}

TEST_F(EngineClient, ACountIsNotTakenFromAnotherConnectionsEngine) {
  engine_.set("/v1.47/info", {.body = info_with("7")});
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.once("/v1.47/info", {.body = info_with("100"), .before = [this] {
                                 engine_.drop_connection();
                                 serve({.version = "27.4.0", .id = "engine-2"});
                                 engine_.set("/v1.47/info", {.body = info_with("9", "engine-2")});
                               }});
  const auto sight = client().look(cancel_, true);
  ASSERT_TRUE(sight.ok()) << sight.error().text;
  EXPECT_EQ(sight->identity.id, "engine-2");
  EXPECT_EQ(sight->images, 9U);
}

TEST_F(EngineClient, ListsContainersAsALightCallOfTheLooks) {
  options_.timeout = 7s;
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.take_targets();
  engine_.set("/v1.47/containers/json?all=1",
              {.body = R"([{"Id":"c1","Names":["/web"],"ImageID":")" + id + R"(","State":"running"}])",
               .before = [this] { clock_.advance(3s); }});
  const auto containers = client().list_containers(cancel_);
  ASSERT_TRUE(containers.ok()) << containers.error().text;
  EXPECT_THAT(*containers, ElementsAre(Container{"c1", "web", id, "running"}));
  EXPECT_THAT(engine_.take_targets(), ElementsAre("/v1.47/containers/json?all=1"));
  EXPECT_LE(*engine_.last_timeout(), 7s);
  EXPECT_EQ(engine_.last_request().max_body_bytes, ClientOptions::max_light_bytes);
  EXPECT_DOUBLE_EQ(stats_.engine_busy[index_of(Caller::look)].seconds(), 3.0);
  EXPECT_DOUBLE_EQ(stats_.request_duration[index_of(Operation::container_list)].sum(), 3.0);
}

TEST_F(EngineClient, ContainersThatAreRefusedOrCannotBeReadAreErrors) {
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.once("/v1.47/containers/json?all=1", {.status = 403, .body = "Forbidden"});
  const auto refused = client().list_containers(cancel_);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().reason, Reason::http);
  EXPECT_EQ(refused.error().status, 403);
  EXPECT_FALSE(client().last_look_failed());
  engine_.once("/v1.47/containers/json?all=1", {.body = R"([{"Id":7}])"});
  const auto unreadable = client().list_containers(cancel_);
  ASSERT_FALSE(unreadable.ok());
  EXPECT_EQ(unreadable.error().reason, Reason::parse);
  EXPECT_THAT(unreadable.error().text,
              HasSubstr("GET /v1.47/containers/json?all=1 on unix:///x.sock: row 0 of /containers/json"));
  EXPECT_EQ(failures(Operation::container_list, Reason::http), 1U);
  EXPECT_EQ(failures(Operation::container_list, Reason::parse), 1U);
}

TEST_F(EngineClient, ContainersOfAnotherEngineAreNotUsed) {
  ASSERT_TRUE(client().look(cancel_).ok());
  engine_.drop_connection();
  serve({.id = "engine-2"});
  engine_.set("/v1.47/containers/json?all=1", {.body = "[]"});
  const auto containers = client().list_containers(cancel_);
  ASSERT_FALSE(containers.ok());
  EXPECT_EQ(containers.error().reason, Reason::interrupted);
}

}  // namespace
}  // namespace repodigest::engine
