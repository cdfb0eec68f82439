// SPDX-License-Identifier: MIT
#include "libfiona/cli/config_readers.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/export/export_type.h"
#include "libfiona/export/settings.h"
#include "libfiona/ingest/streams.h"
#include "libfiona/inventory/settings.h"
#include "libfiona/transfer/returned.h"
#include "libfiona/triggers/dispatcher.h"
#include "libfiona/triggers/link.h"
#include "libfiona/triggers/users.h"

namespace fiona::cli {

namespace {

void read_exports(const Config& config)
{
    auto complete = config;
    auto& pacs = complete.research_pacs;
    if (pacs.host.empty() || pacs.qr_port == 0) { // that is a finding of its own
        pacs.host = "localhost";
        pacs.qr_port = 1;
    }
    const auto settings = exports::read_settings(complete);
    static_cast<void>(exports::ExportTypes::load(settings.types));
    static_cast<void>(read_file(settings.mail_template));
}

void read_streams(const Config& config)
{
    const auto streams = ingest::load_streams(config);
    if (!streams.disabled.empty()) {
        throw Error{Fault::config, "{} is disabled by a mistake, which the log names",
                    streams.disabled.begin()->first};
    }
}

/// Without links nobody needs the users; a file that is there is read all the same.
void read_triggers(const Config& config)
{
    const auto wishes = triggers::wishes_of(config);
    const auto links = triggers::read_links(wishes.links);
    if (!links.complaints.empty()) {
        throw Error{Fault::config, "{}: {}", wishes.links.native(), links.complaints.front()};
    }
    std::error_code ignored;
    if (!links.links.empty() || std::filesystem::exists(wishes.users, ignored)) {
        static_cast<void>(triggers::Users::load(wishes.users));
    }
}

} // namespace

std::vector<site::ConfigReader> config_readers()
{
    return {
        {"EXPORT and the types of packages",
         "correct EXPORT or exports.json, see fiona-create-zip(1)", read_exports},
        {"INVENTORY", "correct it, see fiona-what-is-in-ids7(1)",
         [](const Config& config) { static_cast<void>(inventory::read_settings(config)); }},
        {"PROCESSED", "correct it, see fiona-create-transfer-requests-processed(1)",
         [](const Config& config) { static_cast<void>(transfer::read_return_settings(config)); }},
        {"streams", "correct STREAMSFILE, see fiona-files(5)", read_streams},
        {"TRIGGERS, links and users",
         "correct TRIGGERS, links.json or users.json, see fiona-cron(1)", read_triggers},
    };
}

} // namespace fiona::cli
