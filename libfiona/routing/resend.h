// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/mode.h"
#include "libfiona/redcap/incoming.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace fiona::routing {

/// Which transfers are to be sent again.
struct ResendSelection {
    enum class Dates {
        due, ///< a person has set transfer_requested_date to the minute of transfer_date, or later
        any
    };
    std::optional<ProjectName> project;
    std::vector<StudyUid> studies; ///< none: all
    Dates dates = Dates::due;
};

struct ResendReport {
    std::size_t transfers = 0; ///< of the selection, whatever their dates
    std::size_t waiting = 0;   ///< not sent yet, or asked for again already
    std::size_t not_due = 0;   ///< sent or given up, and nobody has asked for it again
    std::vector<redcap::Transfer> requested; ///< with Mode::dry_run: would be
    struct Problem {
        redcap::Transfer transfer;
        std::string reason;
    };
    std::vector<Problem> problems;
};

/// Asks for transfers again by request_again(), and fiona-create-transfer-requests files them. Twice is the
/// same as once.
[[nodiscard]] ResendReport resend(redcap::Client& incoming, const Paths& paths,
                                  const ResendSelection& selection, TimePoint now, Mode mode);

} // namespace fiona::routing
