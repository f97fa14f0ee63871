// One answer on its way from the engine to a client.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "repodigest/base/cancel.h"
#include "repodigest/base/stats.h"
#include "repodigest/splice/splicer.h"
#include "repodigest/transport/transport.h"
#include "repodigest/web/passage.h"

namespace repodigest::facade {

/// Passes the engine's own status, headers and bytes on; a 200 of JSON goes through the splicer if asked for.
/// Counts the answer as soon as it begins. Thread rule: one thread.
class Relay {
 public:
  /// `flow`, `cancel` and `stats` outlive it.
  Relay(web::Flow& flow, const Cancel& cancel, ApiCall call, bool correct, Stats& stats)
      : flow_(flow), cancel_(cancel), call_(call), correct_(correct), stats_(stats) {}
  ~Relay() { let_splicer_go(); }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// Errors: those of the flow; 502 (Error::status) for an answer that would have to be corrected and cannot
  /// be, because it is compressed: then nothing was begun.
  Status head(const transport::Response& answer);
  Status piece(std::string_view bytes);
  /// The answer was whole.
  Status end();

  /// An answer of our own, if none has begun: {"message": …}.
  void say(int status, std::string_view message);
  /// Counts the answer; the first time counts.
  void count(int status);

 private:
  void let_splicer_go();

  web::Flow& flow_;
  const Cancel& cancel_;
  const ApiCall call_;
  const bool correct_;
  Stats& stats_;
  bool counted_ = false;
  std::optional<splice::Splicer> splicer_;  ///< nothing: bytes go through as they are
  std::string corrected_;                   ///< room for a piece
};

}  // namespace repodigest::facade
