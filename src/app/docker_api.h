// The corrected Docker API of the daemon, as its flags want it.
#pragma once

#include <memory>

#include "repodigest/access/keeper.h"
#include "repodigest/app/engine_access.h"
#include "repodigest/base/clock.h"
#include "repodigest/base/result.h"
#include "repodigest/base/stats.h"
#include "repodigest/cli/config.h"
#include "repodigest/facade/facade.h"

namespace repodigest::app {

/// Made, not started; null if no address is given. What `access` leads to, `keeper` (null: nobody is asked
/// for a certificate), `stats` and `clock` outlive it. Errors: usage (an unknown group, the engine's own
/// address).
Result<std::unique_ptr<facade::Facade>> make_docker_api(const cli::Config& config, const EngineAccess& access,
                                                        access::Keeper* keeper, Stats& stats,
                                                        const Clock& clock);

}  // namespace repodigest::app
