// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/json.h"
#include "libfiona/pacs/receiver_counters.h"
#include "libfiona/pacs/receiver_report.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace fiona::pacs {

/// What a running receiver says about itself in `<site>/.status/storescp.json`.
struct ReceiverStatus {
    struct Child {
        AssociationReport report;
        TimePoint since;
        bool is_tls = false;
    };

    pid_t pid = 0;
    std::uint16_t port = 0;
    std::optional<std::uint16_t> tls_port;
    TimePoint started;
    std::string disk;
    bool is_enabled = true;
    std::map<pid_t, Child> associations;
    std::uint64_t accepted = 0;       ///< associations since the start
    std::size_t reports_owed = 0;     ///< of storage commitment
    std::size_t reports_given_up = 0; ///< a person must look at them

    [[nodiscard]] json::Value as_json(TimePoint now, const ReceiverCounters& counters) const;
};

/// Replaces the file at once, but not durably: after a power loss nothing in it is true anyway.
void write_status(const std::filesystem::path& file, const json::Value& status);

/// `<site>/.status/storescp.json`.
[[nodiscard]] std::filesystem::path status_file(const Config& config);

/// Whether the site's control file switches reception on: the first byte of `<DATADIR>/config/enabled`,
/// or else of `<DATADIR>/enabled`, is not `0`. No file means on.
[[nodiscard]] bool is_reception_enabled(const Paths& paths);

} // namespace fiona::pacs
