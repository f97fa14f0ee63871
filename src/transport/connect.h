// Opening a connection: a socket that is connected, non-blocking and closed on exec.
#pragma once

#include "repodigest/base/cancel.h"
#include "repodigest/base/fd.h"
#include "repodigest/base/result.h"
#include "repodigest/transport/transport.h"

namespace repodigest::transport {

/// Connects to the endpoint's unix socket or host. Errors: whole sentences; Reason::connect, permission, or
/// as `cancel` ended. A host's name is looked up with getaddrinfo(3), which can't be cancelled and which
/// waits as long as /etc/resolv.conf says (5 s a server and try unless set otherwise); an address needs no
/// lookup.
Result<Fd> connect_to(const Endpoint& endpoint, const Cancel& cancel);

}  // namespace repodigest::transport
