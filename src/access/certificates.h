// Names in certificates, and certificates in PEM.
#pragma once

#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "repodigest/base/openssl.h"

namespace repodigest::access {

using Certificate = std::unique_ptr<X509, FreedBy<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;

/// Every certificate in a PEM text, in order; other things in it are passed over. Empty if there is none, or
/// one of them is broken.
std::vector<Certificate> read_certificates(std::string_view pem);
/// The first private key that needs no passphrase, or null.
PrivateKey read_private_key(std::string_view pem);

/// DNS, e-mail, IP and URI names, as they are written.
std::vector<std::string> alternative_names(const X509& certificate);
/// The last common name of the subject, in UTF-8; "" for none.
std::string common_name(const X509& certificate);

}  // namespace repodigest::access
