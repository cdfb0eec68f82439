// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fiona::pacs {

/// What the process of an association tells the receiver about itself, over a pipe that all of
/// them share. Each report is the whole state, so a lost one does no harm.
struct AssociationReport {
    pid_t pid = 0;
    std::string caller;
    std::string called;
    std::string address;
    std::string host; ///< empty: not known yet
    std::uint64_t objects = 0;
    std::uint64_t bytes = 0;
    std::uint64_t refused = 0; ///< objects
};

/// Never blocks: a report that does not fit into the pipe is dropped.
void send_report(int pipe, const AssociationReport& report);
/// The next report in a non-blocking pipe, if there is one.
[[nodiscard]] std::optional<AssociationReport> next_report(int pipe);

} // namespace fiona::pacs
