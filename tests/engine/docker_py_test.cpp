// Docker's client for Python (Debian's python3-docker) asks the corrected Docker API in front of a real
// engine.
#include <gmock/gmock.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/docker_api_fixture.h"
#include "support/feed_command.h"

namespace repodigest::support {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

using Words = std::vector<std::string>;

/// Prints what each of the calls that its arguments name gives, or the error, as one JSON document. Figures
/// of the moment are left out.
const std::string script = R"(
import hashlib, json, sys, time
import docker
client = docker.from_env()
image = 'localhost:5000/namespace1/myimage:1.0.0'
def info():
    everything = client.info()
    for figure in ('NFd', 'NGoroutines', 'SystemTime'):
        del everything[figure]
    return everything
def events(**kind):
    return list(client.events(since=0, until=int(sys.argv[1]), decode=True, **kind))
calls = {
    'ping': client.ping,
    'version': client.version,
    'info': info,
    'list': lambda: [[i.attrs, i.tags] for i in client.images.list()],
    'list some': lambda: [i.attrs for i in client.images.list(all=True, name='plain')],
    'low list': lambda: client.api.images(),
    'get': lambda: [client.images.get(image).attrs, client.images.get(image).history()],
    'get by id': lambda: client.images.get(client.images.get(image).id).attrs,
    'get nothing': lambda: client.images.get('no-such-image'),
    'events of images': lambda: events(filters={'type': 'image'}),
    'events': events,
    'df': client.df,
    'containers': lambda: [c.attrs for c in client.containers.list(all=True)],
    'container': lambda: client.containers.get('made').image.attrs,
    'save': lambda: hashlib.sha256(b''.join(client.images.get(image).save(named=True))).hexdigest(),
    'tag': lambda: client.images.get(image).tag('other/name'),
    'pull': lambda: client.images.pull('localhost:5000/other', tag='1'),
    'push': lambda: client.images.push('localhost:5000/namespace1/myimage'),
    'remove': lambda: client.images.remove(image, force=True),
    'build': lambda: client.images.build(path=sys.argv[2]),
    'load': lambda: client.images.load(b'x' * (24 << 20)),
    'run': lambda: client.containers.run(image, '/none'),
    'prune': client.images.prune,
    'login': lambda: client.login('somebody', 'secret', registry='localhost:5000'),
    'registry data': lambda: client.images.get_registry_data(image),
    'volumes': client.volumes.list,
}
results = {}
for name in sys.argv[3:]:
    try:
        results[name] = calls[name]()
    except docker.errors.APIError as error:
        results[name] = [type(error).__name__, error.status_code, error.explanation]
print(json.dumps(results, sort_keys=True, indent=1))
)";

class DockerForPython : public OnDockerApi {
 protected:
  void SetUp() override {
    OnDockerApi::SetUp();
    if (IsSkipped()) return;
    if (!succeeds("/usr/bin/python3 -c 'import docker'"))
      GTEST_SKIP() << "no python3-docker, so nothing was tested: deploy/install-packages test";
    std::ofstream(folder_.path() / "Dockerfile") << "FROM scratch\nLABEL a=b\n";
  }

  [[nodiscard]] std::string ask(const std::string& host, const Words& calls) const {
    Words command = {"/usr/bin/python3", "-W", "ignore", "-c", script, until_, folder_.path().string()};
    command.insert(command.end(), calls.begin(), calls.end());
    const auto outcome = Process(command, {{"DOCKER_HOST", host}}).wait();
    EXPECT_TRUE(outcome && outcome->exit_code == 0) << (outcome ? outcome->errors : "it did not end");
    return outcome ? outcome->output : "";
  }
  /// The calls give the same through `api`, by each of its addresses, as straight at the engine, but for the
  /// duplicates. Returns what the engine gave.
  std::string expect_same(const DockerApi& api, const Words& calls) {
    std::string expected = ask(engine_->host(), calls);
    for (const std::string& host : api.hosts()) EXPECT_EQ(ask(host, calls), corrected(expected)) << host;
    return expected;
  }
  void expect_refused(const DockerApi& api, const Words& calls) {
    for (const std::string& host : api.hosts()) {
      const json results = json::parse(ask(host, calls));
      for (const std::string& call : calls) {
        const std::string result = results.at(call).dump();
        EXPECT_THAT(result, HasSubstr("[\"APIError\",403,")) << call << " at " << host;
        EXPECT_THAT(result, HasSubstr("is not supported by this read-only Docker API")) << call;
      }
    }
  }

  TemporaryFolder folder_;
  /// What was before the clients came.
  const std::string until_ = std::to_string(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count() +
      1);
};

TEST_F(DockerForPython, SeesTheEngineWithoutDuplicates) {
  const std::string straight =
      expect_same(*closed_, {"ping", "version", "info", "list", "list some", "low list", "get", "get by id",
                             "get nothing", "events of images"});
  const json with = json::parse(straight);
  const json without = json::parse(corrected(straight));
  for (const std::string call : {"list", "get", "get by id"})
    EXPECT_NE(with.at(call), without.at(call)) << call;
}

TEST_F(DockerForPython, HearsOfImagesAloneUnlessAllEventsAreAllowed) {
  const json of_images = json::parse(ask(engine_->host(), {"events of images"})).at("events of images");
  EXPECT_GE(of_images.size(), 6U);
  for (const std::string& host : closed_->hosts())
    EXPECT_EQ(json::parse(ask(host, {"events"})).at("events"), of_images);
  EXPECT_THAT(expect_same(*open_, {"events"}), HasSubstr("container"));
}

TEST_F(DockerForPython, GetsNoMoreThanIsAllowed) {
  expect_refused(*closed_, {"df", "containers", "container", "save"});
}

TEST_F(DockerForPython, GetsWhatIsAllowed) {
  EXPECT_THAT(expect_same(*open_, {"df", "containers", "container", "save"}), Not(HasSubstr("APIError")));
}

TEST_F(DockerForPython, IsRefusedWhateverWouldChangeSomething) {
  const Words calls = {"tag", "pull",  "push",  "remove",        "build",  "load",
                       "run", "prune", "login", "registry data", "volumes"};
  const auto before = engine_state();
  expect_refused(*closed_, calls);
  expect_refused(*open_, calls);
  EXPECT_EQ(engine_state(), before);
}

}  // namespace
}  // namespace repodigest::support
