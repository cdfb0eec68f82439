// SPDX-License-Identifier: MIT
#include "libfiona/site/probes.h"

#include "libfiona/notify/mailer.h"

namespace fiona::site {

Probes real_probes()
{
    return {.echo = [](const pacs::Peer& peer) { pacs::echo(peer); },
            .connect = [](const RedcapConfig& config,
                          redcap::Role role) { return redcap::connect(config, role); },
            .greet_mail_server = [](const SmtpConfig& config) { notify::Mailer{config}.check(); }};
}

} // namespace fiona::site
