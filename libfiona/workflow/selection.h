// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/mode.h"
#include "libfiona/jobs/data_sets.h"
#include "libfiona/jobs/select_language.h"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fiona::workflow {

/// What a person asks of a statement.
struct SelectionOrder {
    std::string statement;
    jobs::Precedence precedence = jobs::Precedence::left_to_right;
    std::vector<StudyUid> studies; ///< empty: all of the site
    /// Where the frozen list `jobs.json` goes, for lines that give a number.
    std::optional<std::filesystem::path> freeze;

    struct Listing {
        std::string image;
        std::string project;
        std::string user;
        std::string options;                            ///< ROR_CONT_OPTIONS
        std::string ror_folder;                         ///< "": the project's
        enum class Again { no, yes } again = Again::no; ///< also sets that were worked on before
    };
    std::optional<Listing> listing; ///< a line for each set
};

struct Selection {
    std::vector<jobs::SeriesSet> sets;
    std::size_t listed = 0; ///< lines that were new
};

/// Throws Error{Fault::data} for the statement and for a listing that could not be read back. With
/// Mode::dry_run nothing is written.
[[nodiscard]] Selection select_jobs(const Config& config, const SelectionOrder& order,
                                    TimePoint now, Mode mode);

} // namespace fiona::workflow
