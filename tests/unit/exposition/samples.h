// The snapshots that the tests of this room look at.
#pragma once

#include "support/snapshot_builder.h"

namespace repodigest::support {

/// The image of moby issue 48747: four tags in two repositories, four entries, two of them different; with
/// three containers.
inline inventory::Image issue_image() {
  const std::string one = "localhost:5000/namespace1/myimage@" + sha256('1');
  const std::string two = "localhost:5000/namespace2/myimage@" + sha256('1');
  inventory::Image image =
      inspected_image(sha256('1'),
                      {"localhost:5000/namespace1/myimage:1.0.0", "localhost:5000/namespace1/myimage:latest",
                       "localhost:5000/namespace2/myimage:1.0.0", "localhost:5000/namespace2/myimage:latest"},
                      {one, one, two, two});
  image.containers = {{"c1", "job", "exited"}, {"c2", "web-1", "running"}, {"c3", "web-2", "running"}};
  return image;
}

/// One image of each kind that is told apart anywhere.
inline SnapshotBuilder every_kind() {
  SnapshotBuilder builder;
  builder.add(issue_image());
  builder->containers_known = true;
  inventory::Image single = inspected_image(sha256('2'), {"single:1.0"}, {"single@" + sha256('2')});
  single.containers = {{"c4", "\"quoted\"", "running"}};
  builder.add(single);
  builder.add(inspected_image(sha256('3'), {"two/digests:a"},
                              {"two/digests@" + sha256('3'), "two/digests@" + sha256('4')}));
  builder.add(inspected_image(sha256('4'), {}, {"digest/only@" + sha256('4')}));
  builder.add(inspected_image(sha256('5'), {"tagged:digest"}, {"tagged:v1@" + sha256('5')}));
  builder.add(inspected_image(sha256('6'), {"no/digests:1"}, {}));
  builder.add(inspected_image(sha256('7'), {"back\\slash\"quote\nline:1"}, {sha256('7'), "?"}));
  builder.add(new_image(sha256('8'), {"new:1"}));
  inventory::Image suspect = new_image(sha256('9'), {"suspect:1", "suspect:2"});
  suspect.suspect = true;
  builder.add(suspect);
  inventory::Image gone = new_image(sha256('a'), {});
  gone.pending = false;
  gone.failure = Reason::not_found;
  gone.anomalies.add(digest::Anomaly::not_inspectable);
  builder.add(gone);
  return builder;
}

}  // namespace repodigest::support
