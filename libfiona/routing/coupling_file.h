// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/ids.h"
#include "libfiona/routing/coupling.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::routing {

/// A coupling list as people make it with a spreadsheet.
struct CouplingFile {
    struct Line {
        std::size_t number = 0; ///< in the file, from 1
        CouplingRow row;
    };
    struct Bad {
        std::size_t number = 0;
        std::string reason; ///< nothing of the line in it
    };
    std::vector<Line> lines;
    std::vector<Bad> bad;
};

/// CSV by RFC 4180, UTF-8 with or without a byte order mark; the header line says whether `,`, `;` or a tab
/// separates. Columns AccessionNumber, StudyInstanceUID (at least one of the two), ProjectName (or
/// `project`), SubjectID, EventName; case, blanks and underscores of these names do not count.
///
/// A line that breaks a rule by itself, or names a study and project that an earlier line names, is bad. Throws
/// Error{Fault::data} if the file is no CSV, has no usable header, or over 100,000 lines.
[[nodiscard]] CouplingFile read_coupling_file(std::string_view text,
                                              const std::optional<ProjectName>& project);

} // namespace fiona::routing
