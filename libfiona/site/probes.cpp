// SPDX-License-Identifier: MIT
#include "libfiona/site/probes.h"

#include "libfiona/notify/mailer.h"
#include "libfiona/sftp/connection.h"

namespace fiona::site {

Probes real_probes()
{
    return {.echo = [](const pacs::Peer& peer) { pacs::echo(peer); },
            .connect = [](const RedcapConfig& config,
                          redcap::Role role) { return redcap::connect(config, role); },
            .greet_mail_server = [](const SmtpConfig& config) { notify::Mailer{config}.check(); },
            .greet_file_server =
                [](const SftpConfig& config) {
                    const auto deadline =
                        std::chrono::steady_clock::now() + 2 * config.connect_timeout;
                    sftp::Connection{config, deadline}.check(config.remote);
                }};
}

} // namespace fiona::site
