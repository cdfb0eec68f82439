// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/pacs/sender.h"
#include "libfiona/redcap/client.h"

#include <functional>
#include <memory>

namespace fiona::site {

/// How check_site() reaches the world outside; a test puts its own in place.
struct Probes {
    std::function<void(const pacs::Peer&)> echo;
    std::function<std::unique_ptr<redcap::Client>(const RedcapConfig&, redcap::Role)> connect;
    std::function<void(const SmtpConfig&)> greet_mail_server;
};

/// C-ECHO, REDCap's API, and the mail server up to the login.
[[nodiscard]] Probes real_probes();

} // namespace fiona::site
