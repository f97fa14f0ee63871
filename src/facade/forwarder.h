// Calls to the engine for clients.
#pragma once

#include <string>

#include "busy.h"
#include "pool.h"
#include "relay.h"
#include "repodigest/base/cancel.h"
#include "repodigest/base/log.h"
#include "repodigest/facade/facade.h"
#include "repodigest/web/passage.h"
#include "rules.h"

namespace repodigest::facade {

/// A call that may pass, and how the engine is asked.
struct Errand {
  Permit permit;
  std::string target;
};

/// Any thread.
class Forwarder {
 public:
  /// `options`, `stats` and `clock` outlive it.
  Forwarder(const Options& options, Connect connect, Stats& stats, const Clock& clock);

  /// Asks the engine what became of `request` and passes its answer into `flow`. Returns soon after
  /// flow.gone() was raised; the engine's work ends with it.
  void answer(const web::RawRequest& request, Errand errand, web::Flow& flow);
  /// Ends event streams, those to come included.
  void end_streams() { streams_end_.raise(); }

 private:
  [[nodiscard]] transport::Request to_engine(const web::RawRequest& request, Errand errand) const;
  [[nodiscard]] Cancel cancel_of(Manner manner, const Wake& gone) const;
  /// Tells the client what the engine's answer came to, if nothing of it went out.
  void tell(const Error& error, Permit permit, Relay& relay);

  const Options& options_;
  Stats& stats_;
  const Clock& clock_;
  Pool pool_;
  BusyTime busy_;
  Wake streams_end_;
  log::Repeated trouble_;
};

}  // namespace repodigest::facade
