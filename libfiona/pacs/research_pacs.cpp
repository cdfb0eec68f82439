// SPDX-License-Identifier: MIT
#include "libfiona/pacs/research_pacs.h"

#include "libfiona/base/error.h"

namespace fiona::pacs {

namespace {

Peer peer(const Config& config, std::uint16_t port, const std::string& called)
{
    const auto& pacs = config.research_pacs;
    if (pacs.host.empty() || port == 0) {
        throw Error{Fault::config, "{}: RESEARCH_PACS needs a host and a port",
                    config.file.native()};
    }
    return {.host = pacs.host,
            .port = port,
            .called_aet = called,
            .calling_aet = pacs.calling_aet,
            .timeout = pacs.timeout,
            .tls = pacs.tls};
}

} // namespace

Peer research_pacs(const Config& config)
{
    return peer(config, config.research_pacs.port, config.research_pacs.aet);
}

Peer research_query(const Config& config)
{
    return peer(config, config.research_pacs.qr_port, config.research_pacs.qr_aet);
}

} // namespace fiona::pacs
